// Without a script, and without a mouse.
import assert from "node:assert/strict";
import { test } from "node:test";
import { person } from "./support/browser.mjs";
import { registry } from "./support/setting.mjs";

test("without JavaScript: sign in, make a repository and a token, sign out", async () => {
  const kim = await person(registry.url, { script: false });
  await kim.open("/");
  await kim.signIn("kim");
  await kim.follow("Your repositories");
  await kim.follow("New repository");
  await kim.page.getByRole("textbox", { name: /^Name/ }).fill("without-script");
  // Nothing is chosen yet: the form says so, and keeps what was filled in.
  const refused = await kim.press("Make the repository");
  assert.equal(refused.status(), 400);
  assert.equal(await kim.page.getByRole("textbox", { name: /^Name/ }).inputValue(), "without-script");
  await kim.page.getByRole("alert").waitFor();
  await kim.page.getByRole("checkbox", { name: /^raw/ }).check();
  await kim.press("Make the repository");
  await kim.says("without-script");
  await kim.open("/ui/repos/without-script/tokens");
  await kim.page.getByRole("textbox", { name: /^Name/ }).fill("ci");
  await kim.page.getByRole("checkbox", { name: /^write/ }).check();
  await kim.press("Make the token");
  const secret = (await kim.page.locator("#secret").innerText()).trim();
  assert.equal(await kim.page.getByRole("button", { name: /Copy/ }).count(), 0, "a button that does nothing");
  const answer = await fetch(`${registry.url}/api/raw/without-script/a/1.0.0/a.txt`, {
    method: "PUT",
    headers: { authorization: `Bearer ${secret}` },
    body: "content",
  });
  assert.equal(answer.status, 201, await answer.text());
  await kim.press("Sign out");
  await kim.says("Signed out.");
  await kim.leave();
});

test("without JavaScript: add upstreams, change their order, delete one", async () => {
  const ivy = await person(registry.url, { script: false });
  await ivy.open("/");
  await ivy.signIn("ivy");
  for (const name of ["ivy-outer", "ivy-one", "ivy-two"]) {
    await ivy.open("/ui/new");
    await ivy.page.getByRole("textbox", { name: /^Name/ }).fill(name);
    await ivy.page.getByRole("checkbox", { name: /^npm/ }).check();
    await ivy.press("Make the repository");
  }
  const rows = async () => ivy.page.getByRole("region", { name: "Upstreams" }).locator("tbody th").allInnerTexts();
  for (const name of ["one", "two"]) {
    await ivy.open("/ui/repos/ivy-outer/upstreams");
    await ivy.page.locator("#name").fill(name);
    await ivy.page.locator("#repo-id").fill(`ivy-${name}`);
    await ivy.press("Add the upstream");
    await ivy.says("Created.");
  }
  assert.deepEqual(await rows(), ["one", "two"]);
  await ivy.press("Move two up");
  assert.deepEqual(await rows(), ["two", "one"]);
  await ivy.open("/ui/repos/ivy-outer/upstreams/two/delete");
  await ivy.page.locator("#confirm").fill("two");
  await ivy.press(/^Delete the upstream/);
  await ivy.says("Deleted.");
  assert.deepEqual(await rows(), ["one"]);
  await ivy.leave();
});

test("with the keyboard alone: skip link, sign in, make a repository", async () => {
  const kim = await person(registry.url);
  const { page } = kim;
  const key = (name) => page.keyboard.press(name);
  const focused = () => page.evaluate(() => {
    const element = document.activeElement;
    const label = element?.labels?.[0] ?? element;
    return (label?.innerText ?? "").trim();
  });
  // Goes on to the element with these words.
  const reach = async (words) => {
    for (let presses = 0; presses < 60; presses += 1) {
      await key("Tab");
      if ((await focused()).startsWith(words)) return;
    }
    assert.fail(`${words} cannot be reached on ${page.url()}`);
  };
  const enter = async (address) => {
    await key("Enter");
    await page.waitForURL(address);
    await page.waitForLoadState();
  };
  await kim.open("/");
  await key("Tab");
  assert.equal(await focused(), "Skip to the content");
  await key("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await page.reload();
  await reach("Sign in");
  await enter(/\/_idp\//);
  // The field has the focus.
  await key("ControlOrMeta+A");
  await page.keyboard.type("keyboard");
  await enter(`${registry.url}/`);
  await reach("Your repositories");
  await enter(`${registry.url}/ui`);
  await reach("New repository");
  await enter(`${registry.url}/ui/new`);
  await reach("Name");
  await page.keyboard.type("by-keyboard");
  await reach("npm");
  await key("Space");
  await enter(/\/ui\/repos\/by-keyboard/);
  await kim.says("Nothing has been published here yet.");
  await kim.leave();
});
