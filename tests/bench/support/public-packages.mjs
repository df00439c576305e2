// What the public registry of the measurements and tests has: a tree of packages, or those that @verdaccio/e2e-cli asks for.
import { numberOf } from "./published.mjs";
import { ranges, treeOf } from "./tree.mjs";

/** One of so many packages has a scope, about as many as in a tree of public ones. */
const SCOPED = 3;

/** The tree with public-looking names. */
export function publicTree(widths) {
  return treeOf(widths, (path) => {
    const sum = path.reduce((total, one) => total + one, 0);
    return sum % SCOPED === 2 ? `@public-${path[0]}/part-${path.join("-")}` : `public-${path.join("-")}`;
  });
}

/** How many versions the packages at these places have, and one of so many others. The rest have 12 to 47. */
const MANY = new Map([[7, 1000], [130, 1000], [250, 1000]]);
const SOME = [[30, 200], [8, 80]];

/** How large the archives are, in bytes: one of so many. The others have 3 to 18 kB. */
const LARGE = [[100, 2_000_000], [50, 400_000], [10, 80_000]];

const at = (list, place, other) => list.find(([every]) => place % every === every - 1)?.[1] ?? other;

/** The versions that are to be installed, by name: the last one in the line of 1, which of some packages is not the latest. */
export const wantedVersions = ({ needs }) => new Map([...needs.keys()].map((name, place) => [name, versionsOf(name, place).wanted]));

/** Numbers of the versions of a package: some before 1.0.0, most in the line of 1, and of every third package a line of 2 behind it. */
function versionsOf(name, place) {
  const count = MANY.get(place) ?? at(SOME, place, 12 + (numberOf(name) % 36));
  const early = Math.floor(count / 10);
  const late = place % 3 === 0 ? Math.floor(count / 5) : 0;
  const line = (major, length) => Array.from({ length }, (_, index) => `${major}.${Math.floor(index / 5)}.${index % 5}`);
  const first = line(1, count - early - late);
  return { all: [...line(0, early), ...first, ...line(2, late)], wanted: first.at(-1) };
}

/** The packages of the tree as `publishedAt` takes them; of each, the wanted version can be installed. */
export function treePackages(tree) {
  return [...tree.needs].map(([name, needs], place) => {
    const { all, wanted } = versionsOf(name, place);
    const bytes = at(LARGE, place, 3000 + (numberOf(`${name} size`) % 15_000));
    const dependencies = ranges(needs);
    return { name, versions: all.map((version) => ({ version, dependencies, bytes: version === wanted ? bytes : undefined })) };
  });
}

/** Of these the suite installs, lists or looks for a version. Names, versions and dependencies are those of the real ones. */
const NAMED = [
  ["react", ["17.0.2", "18.2.0", "18.3.1"], { "loose-envify": "^1.1.0" }],
  ["loose-envify", ["1.3.1", "1.4.0"], { "js-tokens": "^3.0.0 || ^4.0.0" }],
  ["js-tokens", ["3.0.2", "4.0.0"], {}],
  ["is-odd", ["0.1.2", "1.0.0"], { "is-number": "^3.0.0" }],
  ["is-number", ["2.1.0", "3.0.0"], { "kind-of": "^3.0.2" }],
  ["kind-of", ["3.2.1", "3.2.2"], { "is-buffer": "^1.1.5" }],
  ["is-buffer", ["1.1.5", "1.1.6"], {}],
  ["jquery", ["3.4.1", "3.6.1", "3.7.1"], {}],
  ["@verdaccio/cli", ["7.0.0", "8.0.0"], { "is-odd": "1.0.0" }],
  ["verdaccio", ["5.33.0", "6.1.0"], { "@verdaccio/cli": "8.0.0" }],
];

/** The packages that @verdaccio/e2e-cli asks a registry with an upstream for, as `publishedAt` takes them. */
export function namedPackages() {
  return NAMED.map(([name, versions, dependencies]) => ({
    name,
    versions: versions.map((version) => ({ version, dependencies, bytes: 5000, manifest: { devDependencies: {} } })),
  }));
}

/** What is known against some of them: of jquery no version that the suite installs. */
export const ADVISORIES = [
  {
    name: "jquery",
    below: "3.5.0",
    says: {
      id: 1,
      url: "https://example.com/advisories/1",
      title: "Cross-site scripting",
      severity: "moderate",
      vulnerable_versions: "<3.5.0",
      cwe: ["CWE-79"],
      cvss: { score: 6.1, vectorString: "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N" },
    },
  },
];
