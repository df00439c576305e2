// Usage: node tests/bench/support/upstream-program.mjs tree WIDTHS | named | described FILE | files FOLDER
//
// A public registry on a free port of this machine, until it is ended. It says its address once it is ready. For npm it has a
// tree of packages with so many at each level (12,4,5), those that @verdaccio/e2e-cli asks for, or those that a JSON file
// describes: { "packages": as publishedAt takes them, "advisories": as ADVISORIES are }. For Maven it has the files of a folder.
import { readFileSync } from "node:fs";
import { ADVISORIES, namedPackages, publicTree, treePackages } from "./public-packages.mjs";
import { serveFiles } from "./upstream-files.mjs";
import { serveUpstream } from "./upstream.mjs";

const kinds = {
  tree: (widths) => serveUpstream(treePackages(publicTree(widths.split(",").map(Number))), { advisories: ADVISORIES }),
  named: () => serveUpstream(namedPackages(), { advisories: ADVISORIES }),
  described: (file) => {
    const { packages, advisories } = JSON.parse(readFileSync(file, "utf8"));
    return serveUpstream(packages, { advisories });
  },
  files: serveFiles,
};

const [what, argument] = process.argv.slice(2);
const url = await kinds[what](argument);
console.log(`Upstream is ready at ${url}`);
