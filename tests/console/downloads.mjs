// Files of a private repository, by the links of its pages: the session of the browser opens them, and nothing shows them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { person } from "./support/browser.mjs";
import { registry } from "./support/setting.mjs";

const PAGE = `<!doctype html><title>x</title><script>document.title = "pwned"; window.__pwned = true</script>`;

// A small file comes from the registry itself, a large one by a redirect to the storage.
const FILES = {
  "page.html": ["text/html", PAGE],
  "large page.html": ["text/html", PAGE + " ".repeat(400_000)],
  "tool.bin": ["application/octet-stream", "bytes of a tool"],
};

test("files of a private repository are downloaded by who is signed in, and shown by no browser", async () => {
  const { api, url, token } = registry;
  await api("POST", "/api/repos", { name: "vault", packageTypes: ["raw"], visibility: "private" });
  for (const [name, [type, body]] of Object.entries(FILES)) {
    const headers = { authorization: `Bearer ${token}`, "content-type": type };
    const put = await fetch(`${url}/api/raw/vault/site/1.0.0/${encodeURIComponent(name)}`, { method: "PUT", headers, body });
    assert.equal(put.status, 201, await put.text());
  }
  const owner = await person(url);
  const { page } = owner;
  await owner.open("/");
  await owner.signIn("admin");
  await owner.open("/ui/repos/vault/raw/site?tab=files");
  const here = page.url();
  const links = page.locator('main a[href*="/ui/repos/vault/files/"]');
  assert.deepEqual((await links.allInnerTexts()).map((name) => name.trim()).sort(), Object.keys(FILES).sort());
  // An answer that is no file is to be shown as what it is, and not saved under the name of the file.
  assert.equal(await page.locator("main a[download]").count(), 0);
  const addresses = [];
  for (const [name, [, content]] of Object.entries(FILES)) {
    const link = links.filter({ hasText: new RegExp(`^\\s*${name.replace(".", "\\.")}\\s*$`) });
    addresses.push(await link.getAttribute("href"));
    const begun = page.waitForEvent("download");
    await link.click();
    const download = await begun;
    assert.equal(download.suggestedFilename(), name);
    assert.equal(readFileSync(await download.path(), "utf8"), content);
    assert.equal(page.url(), here, `${name} was shown`);
    assert.equal(await page.evaluate(() => window.__pwned), undefined);
    const answer = await owner.context.request.get(new URL(addresses.at(-1), url).href, { maxRedirects: 0 });
    if (answer.status() === 200) {
      const headers = answer.headers();
      assert.match(headers["content-disposition"], /^attachment/);
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.match(headers["content-security-policy"], /sandbox/);
    } else {
      assert.equal(answer.status(), 302);
      // The storage is another origin, which has no cookie of the registry.
      assert.notEqual(new URL(answer.headers().location).host, new URL(url).host);
    }
  }
  await owner.leave();

  // Nobody else gets them: not without a session, and not with that of somebody who may not read here.
  const stranger = await person(url);
  for (const address of addresses) {
    await stranger.page.goto(new URL(address, url).href);
    assert.match(stranger.page.url(), /\/_idp\//);
  }
  await stranger.open("/");
  await stranger.signIn("stranger");
  for (const address of addresses) {
    const answer = await stranger.page.goto(new URL(address, url).href);
    assert.equal(answer.status(), 404);
    await stranger.says("Not found");
  }
  await stranger.leave();
});
