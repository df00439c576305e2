// Every link of every page leads somewhere.
import assert from "node:assert/strict";
import { test } from "node:test";
import { person } from "./support/browser.mjs";
import { crawl } from "./support/crawl.mjs";
import { filled, registry } from "./support/setting.mjs";

/** Largest number of addresses that are opened. */
const MOST = 400;

test("every link of every page leads to a page, or to a file", async () => {
  const { pages } = await filled();
  const owner = await person(registry.url);
  await owner.open("/");
  await owner.signIn("admin");
  const cookie = (await owner.context.cookies(registry.url)).map(({ name, value }) => `${name}=${value}`).join("; ");
  const { opened, left, wrong } = await crawl(registry.url, cookie, Object.values(pages), MOST);
  console.log(`links: ${opened} addresses opened, ${left} left out`);
  assert.ok(opened > Object.keys(pages).length, "no page has a link");
  assert.equal(wrong.length, 0, wrong.join("\n"));
  await owner.leave();
});
