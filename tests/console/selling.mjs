// A licence that is made in the browser, and what its key opens.
import assert from "node:assert/strict";
import { test } from "node:test";
import { person } from "./support/browser.mjs";
import { registry } from "./support/setting.mjs";
import { Workplace } from "./support/workplace.mjs";

test("a licence made in the browser installs its package, and no other", async () => {
  const { api, url, token } = registry;
  await api("POST", "/api/repos", { name: "shop", packageTypes: ["npm"] });
  const author = new Workplace();
  author.write(".npmrc", `//${new URL(url).host}/api/npm/shop/:_authToken=${token}\n`);
  for (const name of ["sold", "secret"]) {
    author.write("package.json", { name: `@shop/${name}`, version: "1.0.0" });
    await author.run(`npm publish --registry ${url}/api/npm/shop/`);
  }

  const seller = await person(url);
  const { page } = seller;
  await seller.open("/");
  await seller.signIn("admin");
  await seller.follow("Selling");
  await seller.open("/ui/selling/licences");
  await seller.follow(/New licence/);
  await page.getByRole("textbox", { name: /^Name/ }).fill("Customer <b>Inc.</b>");
  await page.getByLabel(/^Packages/).fill("@shop/sold");
  await page.getByRole("radio", { name: "All versions, for ever" }).check();
  await seller.press("Make the licence");
  await seller.says("Customer <b>Inc.</b>");
  const key = (await page.locator("#key").innerText()).trim();
  await seller.says("@shop/sold");
  assert.ok(!(await seller.text()).includes("@shop/secret"));
  const licence = page.url();
  await seller.picture("licence");
  await seller.follow("Letter to the customer");
  const letter = await page.locator("#letter").innerText();
  assert.ok(letter.includes(key));
  await seller.picture("licence-letter");

  // The customer types what the letter says.
  const commands = letter.split("\n").map((line) => line.trim()).filter((line) => line.startsWith("npm "));
  assert.equal(commands.length, 3, letter);
  const customer = new Workplace();
  customer.write("package.json", { name: "project", private: true });
  await customer.run(commands.join("\n"));
  assert.ok(customer.has("node_modules/@shop/sold/package.json"));
  assert.match(await customer.refused("npm install @shop/secret"), /E404/);

  // Suspended, it opens nothing, and resumed it does again.
  await page.goto(licence);
  await seller.press("Suspend the licence");
  await seller.says("Suspended.");
  const again = "rm -rf node_modules package-lock.json ~/.npm && npm install @shop/sold";
  assert.match(await customer.refused(again), /E40[134]/);
  await seller.press("Resume the licence");
  await customer.run(again);
  author.remove();
  customer.remove();
  await seller.leave();
});
