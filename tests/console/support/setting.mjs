// What all tests share: a registry and a browser, for as long as they run.
import { after, before } from "node:test";
import { startBrowser, stopBrowser } from "./browser.mjs";
import { apiOf, startServer } from "./server.mjs";
import { fill } from "./things.mjs";

/** The registry; there once the first test begins. */
export const registry = {};

before(async () => {
  Object.assign(registry, await startServer());
  registry.api = apiOf(registry.url, registry.token);
  await startBrowser();
});

let things;

/** The registry with something of everything in it, as `fill` has made it: once for all tests. */
export function filled() {
  things ??= fill(registry);
  return things;
}

after(async () => {
  await stopBrowser();
  await registry.stop?.();
});
