// A build that fails, is tried again, and is watched until it has succeeded.
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { person } from "./support/browser.mjs";
import { root } from "./support/place.mjs";
import { program } from "./support/server.mjs";
import { registry } from "./support/setting.mjs";
import { Workplace } from "./support/workplace.mjs";

test("Kotlin Multiplatform: a failed build is shown with its error, tried again, and watched live", async () => {
  const { api, url } = registry;
  await api("POST", "/api/repos", { name: "kmp-sources", packageTypes: ["maven"] });
  const publisher = new Workplace();
  publisher.variables = { GRANARY_TOKEN: registry.token, GRANARY_SERVER: url, PATH: `${dirname(program)}:${process.env.PATH}` };
  const push = (library) => publisher.run(
    `granary push maven ${join(root, ".cache/kmp/fixture")} --repo kmp-sources --filter com.example.kmp:${library}`,
  );
  await push("words");
  await push("greeter");

  const admin = await person(url);
  const { page } = admin;
  await admin.open("/");
  await admin.signIn("admin");
  await admin.open("/ui/new");
  await page.getByRole("textbox", { name: /^Name/ }).fill("kmp-built");
  await page.getByRole("checkbox", { name: /^kmp/ }).check();
  await page.getByRole("radio", { name: /Maven repository here/ }).check();
  await page.getByLabel("Name of the Maven repository").fill("kmp-sources");
  await admin.press("Make the repository");
  await admin.open("/ui/repos/kmp-built/kmp");
  await admin.follow("Watch a library");
  await page.getByLabel(/^Group/).fill("com.example.kmp");
  await page.getByLabel(/^Artifact/).fill("greeter");
  await page.getByRole("group", { name: "npm package" }).getByLabel(/^Name/).fill("@kmp-built/greeter");
  await page.getByRole("checkbox", { name: "Make a Swift package" }).setChecked(false);
  await admin.press("Watch the library");
  await admin.open("/ui/repos/kmp-built/kmp");
  await admin.press("Look for new versions now");
  await admin.open("/ui/repos/kmp-built/kmp");

  // The scripts are missing, and the page comes to say so by itself.
  const build = page.locator("#builds tbody tr").filter({ hasText: "greeter 1.1.0" });
  await build.getByText("failed").waitFor();
  await admin.picture("kmp-failed");
  await admin.follow(/greeter 1\.1\.0/, build);
  await admin.says("cannot be started");
  await admin.says("GRANARY_KMP_SCRIPTS");
  await admin.picture("kmp-build-failed");

  registry.mendScripts();
  const opened = await page.evaluate(() => performance.timeOrigin);
  await admin.press("Build it again");
  const begun = await page.evaluate(() => performance.timeOrigin);
  assert.notEqual(begun, opened);
  await page.locator("#build .tag").filter({ hasText: "success" }).waitFor({ timeout: 180_000 });
  assert.equal(await page.evaluate(() => performance.timeOrigin), begun, "the page was loaded anew");
  await admin.picture("kmp-build-success");

  const user = new Workplace();
  user.write("package.json", { name: "project", private: true });
  user.write(".npmrc", `@kmp-built:registry=${url}/api/npm/kmp-built/\n//${new URL(url).host}/api/npm/kmp-built/:_authToken=${registry.token}\n`);
  await user.run("npm install @kmp-built/greeter");
  assert.ok(user.has("node_modules/@kmp-built/greeter/package.json"));
  publisher.remove();
  user.remove();
  await admin.leave();
});
