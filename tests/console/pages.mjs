// Every page: axe in both colour schemes, its weight, its width on a phone, and pictures for people to look at.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { isPublic } from "./support/addresses.mjs";
import { DESKTOP, PHONE, person } from "./support/browser.mjs";
import { filled, registry } from "./support/setting.mjs";

let pages;
let main;

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
      await look(name, main.includes(name));
    } catch (error) {
      wrong.push(`${name} (${path}): ${error.message}`);
    }
  }
  await admin.leave();
  assert.equal(wrong.length, 0, wrong.join("\n\n"));
}

// The window and the phone side by side: nothing here changes anything.
describe("every page", { concurrency: 2 }, () => {
  before(async () => {
    ({ pages, main } = await filled());
  });

  test("is light enough, and nothing serious is found by axe, light and dark", async () => {
    const admin = await signedIn({ viewport: DESKTOP });
    await each(admin, async (name, isMain) => {
      await admin.weighs();
      for (const scheme of ["light", "dark"]) {
        const found = await admin.violations(scheme, { colours: scheme === "dark" });
        // The pages of the interface are long, and all alike.
        if (isMain || (scheme === "light" && !name.startsWith("api-"))) await admin.picture(`${name}${scheme === "dark" ? "-dark" : ""}`);
        for (const { id, impact, nodes } of found) {
          console.log(`axe: ${impact} ${id} on ${name} (${scheme}): ${nodes.slice(0, 3).join("; ")}`);
        }
        const serious = found.filter(({ impact }) => impact === "serious" || impact === "critical");
        assert.deepEqual(serious.map(({ id, nodes }) => [id, ...nodes.slice(0, 5)]), [], scheme);
      }
    });
  });

  // `open` holds every page against the width of the window.
  test("is no wider than a phone, and can be left by the navigation", async () => {
    const admin = await signedIn({ viewport: PHONE });
    await each(admin, async (name, isMain) => {
      const navigation = admin.page.getByRole("navigation", { name: "Main" });
      for (const link of ["Discover", "Your repositories", "Organisations"]) {
        const one = navigation.getByRole("link", { name: link, exact: true });
        // The navigation itself may scroll sideways.
        await one.scrollIntoViewIfNeeded();
        const box = await one.boundingBox();
        assert.ok(box && box.x + box.width > 0 && box.x < PHONE.width, `${link} cannot be reached`);
      }
      // What the width changes is the same on all pages of a kind; the words of each were looked at in the window.
      if (isMain) {
        await navigation.evaluate((one) => one.scrollTo(0, 0));
        await admin.picture(`${name}-phone`);
        assert.deepEqual(await admin.serious("light"), []);
      }
    });
  });

  test("is for everybody, or only for who is signed in", async () => {
    const stranger = await person(registry.url);
    for (const [name, path] of Object.entries(pages)) {
      await stranger.page.goto(registry.url + path);
      const isThere = !stranger.page.url().includes("/_idp/");
      assert.equal(isThere, isPublic(name), `${name} is ${isThere ? "open" : "closed"}`);
      if (isThere) await stranger.looksRight();
      // The others have nothing that is not there for the owner as well.
      if (isThere && main.includes(name)) assert.deepEqual(await stranger.serious("light"), [], name);
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
