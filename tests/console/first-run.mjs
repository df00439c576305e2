// From nothing to an installed package, by following only what the pages say.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DESKTOP, PHONE, person } from "./support/browser.mjs";
import { registry } from "./support/setting.mjs";
import { Workplace } from "./support/workplace.mjs";

const README = "# Hello\n\nSays hello to **everybody**.\n\n```js\nrequire('hello')\n```\n";

/** What is to be done with npm, which comes first: files, and one command. */
function firstClient(snippets) {
  return snippets.slice(0, snippets.findIndex(({ file }) => !file) + 1);
}

/** Does what snippets say: writes files, and runs everything else. */
async function follow(work, snippets) {
  assert.notEqual(snippets.length, 0, "the page says nothing");
  for (const { file, code } of snippets) {
    if (file) work.write(file, `${code}\n`);
    else await work.run(code);
  }
}

/** Makes a token on the page that is open, and gives its secret, as it is read from the page. */
async function makeToken(who, name, scope) {
  await who.page.getByRole("textbox", { name: /^Name/ }).fill(name);
  for (const box of await who.page.getByRole("checkbox").all()) await box.setChecked((await box.inputValue()) === scope);
  await who.press("Make the token");
  await who.says(`New token "${name}"`);
  return (await who.page.locator("#secret").innerText()).trim();
}

for (const [device, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
  test(`first run to installed package (${device})`, async () => {
    const [repo, hello] = [`first-${device}`, `@first-${device}/hello`];
    const admin = await person(registry.url, { viewport });
    await admin.open("/");
    await admin.signIn("admin");
    await admin.follow("Your repositories");
    await admin.follow("New repository");
    await admin.page.getByRole("textbox", { name: /^Name/ }).fill(repo);
    await admin.page.getByRole("checkbox", { name: /^npm/ }).check();
    await admin.press("Make the repository");
    await admin.says("Nothing has been published here yet.");
    const page = admin.page.url().split("?")[0];
    assert.equal(page, `${registry.url}/ui/repos/${repo}`);

    await admin.follow("one of your account");
    const secret = await makeToken(admin, `laptop-${device}`, "write");
    await admin.page.getByRole("button", { name: "Copy the token" }).click();
    await admin.page.getByRole("button", { name: "Copied" }).waitFor();
    assert.equal(await admin.page.evaluate(() => navigator.clipboard.readText()), secret);
    await admin.follow("I have kept it");
    assert.ok(!(await admin.page.content()).includes(secret), "the secret is shown twice");

    await admin.open(`/ui/repos/${repo}`);
    const publish = firstClient(await admin.snippets());
    const author = new Workplace();
    author.variables.GRANARY_TOKEN = secret;
    author.write("package.json", { name: hello, version: "1.0.0", description: "Says hello", license: "MIT" });
    author.write("index.js", "module.exports = 'hello';\n");
    author.write("README.md", README);
    await follow(author, publish);

    await admin.open(`/ui/repos/${repo}`);
    await admin.follow(hello);
    await admin.says("Says hello to everybody.");
    await admin.says("1.0.0");
    await admin.follow("Set up", admin.page.getByRole("navigation", { name: "Package" }));
    const user = new Workplace();
    user.variables.GRANARY_TOKEN = secret;
    user.write("package.json", { name: "project", private: true });
    await follow(user, firstClient(await admin.snippets()));
    assert.equal((await user.run(`node -p 'require("${hello}")'`)).trim(), "hello");

    // The token that was made here is refused once it has been revoked here.
    await admin.open("/ui/account/tokens");
    await admin.follow(`Revoke token "laptop-${device}"`);
    await admin.press(`Revoke token "laptop-${device}"`);
    await admin.says("Revoked.");
    author.write("package.json", { name: hello, version: "1.0.1" });
    const said = await author.refused(publish.filter(({ file }) => !file).map(({ code }) => code).join("\n"));
    assert.match(said, /E401|401 Unauthorized/);
    await admin.open(`/ui/repos/${repo}`);
    assert.ok(!(await admin.text()).includes("1.0.1"));

    author.remove();
    user.remove();
    await admin.leave();
  });
}

test("a private repository does not exist for a stranger, nor its package", async () => {
  const stranger = await person(registry.url);
  await stranger.open("/");
  await stranger.signIn("stranger");
  for (const path of ["", "/npm/@first-desktop/hello", "/tokens", "/settings"]) {
    await stranger.open(`/ui/repos/first-desktop${path}`, 404);
    await stranger.says("Not found");
  }
  await stranger.leave();
});
