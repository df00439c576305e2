// Usage: node tests/bench/support/upstream-program.mjs tree WIDTHS | named
//
// A public npm registry on a free port of this machine, until it is ended. It says its address once it is ready. It has a tree of
// packages with so many at each level (12,4,5), or those that @verdaccio/e2e-cli asks for.
import { ADVISORIES, namedPackages, publicTree, treePackages } from "./public-packages.mjs";
import { serveUpstream } from "./upstream.mjs";

const [what, widths] = process.argv.slice(2);
const packages = what === "named" ? namedPackages() : treePackages(publicTree(widths.split(",").map(Number)));
const url = await serveUpstream(packages, { advisories: ADVISORIES });
console.log(`Upstream is ready at ${url}`);
