// Where everything is.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");

/** The clients that scripts/clients installs. */
export const clients = join(root, ".cache/clients");

/** The page that the tables are written into. */
export const page = join(root, "docs/BENCHMARKS.md");

/** This machine in the names of the packages that hold Node itself. */
export function platformOfNode() {
  return `linux-${process.arch}`;
}
