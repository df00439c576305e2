// Every page: axe in both colour schemes, its weight, its width on a phone, and pictures for people to look at.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { DESKTOP, PHONE, person } from "./support/browser.mjs";
import { registry } from "./support/setting.mjs";
import { fill } from "./support/things.mjs";

let pages;

async function signedIn(options) {
  const admin = await person(registry.url, options);
  await admin.open("/");
  await admin.signIn("admin");
  return admin;
}

/** Opens every page, and goes on to the end before it says which ones are wrong. */
async function each(admin, look) {
  const wrong = [];
  for (const [name, path] of Object.entries(pages)) {
    try {
      await admin.open(path);
      await look(name, path);
    } catch (error) {
      wrong.push(`${name} (${path}): ${error.message}`);
    }
  }
  await admin.leave();
  assert.equal(wrong.length, 0, wrong.join("\n\n"));
}

describe("every page", () => {
  before(async () => {
    pages = (await fill(registry)).pages;
  });

  test("is light enough, and nothing serious is found by axe, light and dark", async () => {
    const admin = await signedIn({ viewport: DESKTOP });
    await each(admin, async (name) => {
      await admin.weighs();
      for (const scheme of ["light", "dark"]) {
        const found = await admin.violations(scheme);
        await admin.picture(`${name}${scheme === "dark" ? "-dark" : ""}`);
        const serious = found.filter(({ impact }) => impact === "serious" || impact === "critical");
        for (const { id, impact, nodes } of found) console.log(`axe: ${impact} ${id} on ${name} (${scheme}): ${nodes.slice(0, 3).join("; ")}`);
        assert.deepEqual(serious.map(({ id, nodes }) => [id, ...nodes.slice(0, 5)]), [], scheme);
      }
    });
  });

  test("is no wider than a phone, and can be left by the navigation", async () => {
    const admin = await signedIn({ viewport: PHONE });
    await each(admin, async (name) => {
      await admin.picture(`${name}-phone`);
      for (const link of ["Discover", "Your repositories", "Organisations"]) {
        const one = admin.page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: link, exact: true });
        const box = await one.boundingBox();
        assert.ok(box && box.x >= 0 && box.x + box.width <= PHONE.width, `${link} cannot be reached`);
      }
      const found = await admin.violations("light");
      const serious = found.filter(({ impact }) => impact === "serious" || impact === "critical");
      assert.deepEqual(serious.map(({ id, nodes }) => [id, ...nodes.slice(0, 5)]), []);
    });
  });

  test("is for everybody, or only for who is signed in", async () => {
    const stranger = await person(registry.url);
    for (const [name, path] of Object.entries(pages)) {
      const isPublic = ["discovery", "discovery-search", "repository", "health", "api"].includes(name) || name.startsWith("package-");
      await stranger.page.goto(registry.url + path);
      const isThere = !stranger.page.url().includes("/_idp/");
      assert.equal(isThere, isPublic, `${name} is ${isThere ? "open" : "closed"}`);
      if (isThere) {
        await stranger.looksRight();
        const serious = (await stranger.violations("light")).filter(({ impact }) => impact === "serious" || impact === "critical");
        assert.deepEqual(serious, [], name);
      }
    }
    // Whether it exists is told to nobody who has not signed in.
    await stranger.page.goto(`${registry.url}/ui/repos/nothing`);
    assert.match(stranger.page.url(), /\/_idp\//);
    await stranger.open("/ui/nothing", 404);
    await stranger.picture("not-found");
    assert.deepEqual((await stranger.violations("light")).map(({ id }) => id), []);
    await stranger.leave();
  });
});
