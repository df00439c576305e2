// Where everything is.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");

/** Where scripts/console has installed Playwright and axe. */
export const tools = join(root, ".cache/console");

/** Where pictures of the pages go. */
export const pictures = join(root, "target/screenshots");

mkdirSync(pictures, { recursive: true });
