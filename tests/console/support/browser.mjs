// People at a real browser: one Chromium for all of them, a context of its own for each.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pictures, tools } from "./place.mjs";

const require = createRequire(join(tools, "package.json"));
const { chromium } = require("playwright-core");
const axe = require("axe-core").source;

/** How long a page or an element is waited for, in milliseconds: a debug build on a busy machine. */
const PATIENCE = 60_000;

/** Largest page, in bytes. */
const LARGEST = 100_000;

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 360, height: 740 };

let browser;

/** Starts the browser. It can reach this machine only. */
export async function startBrowser() {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-dev-shm-usage",
      "--disable-gpu",
      "--no-proxy-server",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    ],
  });
}

/** Ends the browser. */
export async function stopBrowser() {
  await browser?.close();
}

/**
 * Somebody who opens the registry at `url` in a new browser.
 *
 * Whatever goes wrong in a page without anybody noticing is kept, and `check` fails for it: requests to other hosts, answers
 * of 500 and above, scripts that fail or that the policy has blocked.
 */
export async function person(url, { viewport = DESKTOP, dark = false, script = true } = {}) {
  const context = await browser.newContext({
    viewport,
    colorScheme: dark ? "dark" : "light",
    javaScriptEnabled: script,
    isMobile: viewport === PHONE,
    hasTouch: viewport === PHONE,
    acceptDownloads: true,
    permissions: ["clipboard-read", "clipboard-write"],
  });
  context.setDefaultTimeout(PATIENCE);
  const wrong = [];
  context.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    const stays = ["data:", "blob:", "about:"].includes(protocol) || ["localhost", "127.0.0.1"].includes(hostname);
    if (!stays) wrong.push(`a request to ${request.url()}`);
  });
  context.on("response", (response) => {
    if (response.status() >= 500) wrong.push(`${response.status()} from ${response.url()}`);
  });
  context.on("console", (message) => {
    // An answer of 400 and above is said here too, and tests expect some.
    const isStatus = message.text().startsWith("Failed to load resource: the server responded with a status of 4");
    if (message.type() === "error" && !isStatus) wrong.push(`in the console of ${message.page()?.url()}: ${message.text()}`);
  });
  context.on("weberror", (error) => wrong.push(`a script failed: ${error.error()}`));
  context.on("dialog", (dialog) => {
    wrong.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  const page = await context.newPage();
  return new Person(url, context, page, wrong, viewport === PHONE);
}

class Person {
  constructor(url, context, page, wrong, isOnPhone) {
    Object.assign(this, { url, context, page, wrong, isOnPhone });
  }

  /** Opens a page of the registry, and expects a status. */
  async open(path, status = 200) {
    const answer = await this.page.goto(this.url + path);
    assert.equal(answer.status(), status, `${path} at ${this.page.url()}`);
    await this.looksRight();
    return answer;
  }

  /** Signs in by the button of the page that is open, as `sub`, and is back on that page. */
  async signIn(sub) {
    const from = this.page.url();
    await this.page.getByRole("link", { name: "Sign in" }).first().click();
    await this.atProvider(sub);
    await this.page.waitForURL(from);
    await this.page.getByRole("button", { name: "Sign out" }).waitFor();
  }

  /** Fills in the form of the identity provider. */
  async atProvider(sub) {
    await this.page.getByLabel("User id").fill(sub);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  /** Presses a button of a form, and waits for the page that comes of it. */
  async press(name, within = this.page) {
    const button = within.getByRole("button", { name, exact: typeof name === "string" });
    const answered = this.page.waitForResponse((answer) => answer.request().isNavigationRequest() && answer.status() !== 303);
    const loaded = this.page.waitForEvent("load");
    await button.click();
    const answer = await answered;
    await loaded;
    await this.looksRight();
    return answer;
  }

  /** Follows a link by its words. */
  async follow(name, within = this.page) {
    const loaded = this.page.waitForEvent("load");
    await within.getByRole("link", { name, exact: typeof name === "string" }).first().click();
    await loaded;
    await this.looksRight();
  }

  /** The words of the content of the page. */
  text() {
    return this.page.locator("main").innerText();
  }

  /** Checks that the page says something. */
  async says(words) {
    const text = await this.text();
    const found = words instanceof RegExp ? words.test(text) : text.includes(words);
    assert.ok(found, `${this.page.url()} does not say ${words}:\n${text}`);
  }

  /** What holds for every page: one heading, no more than it may weigh, and no wider than the window. */
  async looksRight() {
    const where = this.page.url();
    if (!where.startsWith(this.url) || where.includes("/_idp/")) return;
    assert.equal(await this.page.locator("h1").count(), 1, `headings of the first level on ${where}`);
    const [wide, window_] = await this.widths();
    if (wide > window_) {
      const name = `too-wide-${new URL(where).pathname.replaceAll(/[^a-z0-9]+/gi, "-").slice(0, 60)}`;
      await this.picture(name);
      assert.fail(`${where} is ${wide} wide in a window of ${window_}; see target/screenshots/${name}.png`);
    }
  }

  /** Width of the page and of the window. */
  async widths() {
    // Also where pages may run no scripts, this one may: it comes from outside.
    const wide = await this.page.evaluate(() => document.documentElement.scrollWidth);
    return [wide, this.page.viewportSize().width];
  }

  /** Keeps a picture of the whole page in target/screenshots. */
  async picture(name) {
    await this.page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
  }

  /**
   * What axe finds wrong with the page that is open, in one colour scheme: `{ id, impact, help, nodes }`. With `colours`, only what
   * depends on the scheme.
   */
  async violations(colorScheme, { colours = false } = {}) {
    await this.page.emulateMedia({ colorScheme });
    // Run from outside, which the policy of the page does not forbid. It stays until another page is opened.
    if (!await this.page.evaluate(() => "axe" in globalThis)) await this.page.evaluate(axe);
    const options = { resultTypes: ["violations"], ...(colours ? { runOnly: { type: "rule", values: ["color-contrast", "link-in-text-block"] } } : {}) };
    const { violations } = await this.page.evaluate((how) => globalThis.axe.run(document, how), options);
    return violations.map(({ id, impact, help, nodes }) => ({
      id,
      impact,
      help,
      nodes: nodes.map((node) => `${node.target.join(" ")}: ${node.failureSummary?.split("\n")[1]?.trim()}`),
    }));
  }

  /** The same, of which only what is serious. */
  async serious(colorScheme, options) {
    const found = await this.violations(colorScheme, options);
    const serious = found.filter(({ impact }) => impact === "serious" || impact === "critical");
    return serious.map(({ id, nodes }) => [id, ...nodes.slice(0, 5)]);
  }

  /**
   * What the page tells to type below a heading or in the whole page: `{ title, file, code }` in its order. A file is to be
   * written, anything else to be run.
   */
  snippets(within = this.page.locator("main")) {
    return within.locator(".snippet").evaluateAll((all) =>
      all.filter((one) => one.checkVisibility()).map((one) => {
        const words = one.previousElementSibling;
        return {
          title: words?.querySelector("strong")?.textContent.trim() ?? "",
          file: words?.querySelector("code")?.textContent.trim(),
          code: one.querySelector("pre").textContent.trim(),
        };
      }));
  }

  /** How large the page that is open is, in bytes. */
  async weighs() {
    const answer = await this.context.request.get(this.page.url());
    const { length } = await answer.body();
    assert.ok(length < LARGEST, `${this.page.url()} has ${length} bytes`);
    return length;
  }

  /** Ends this browser, and checks that nothing went wrong unnoticed. */
  async leave() {
    await this.context.close();
    assert.deepEqual(this.wrong, []);
  }
}
