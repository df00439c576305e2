// Signing in and out, and coming back to where one was.
import assert from "node:assert/strict";
import { test } from "node:test";
import { person } from "./support/browser.mjs";
import { registry } from "./support/setting.mjs";

test("sign in by the provider's form, come back, sign out", async () => {
  const ann = await person(registry.url);
  await ann.open("/");
  await ann.signIn("ann");
  assert.equal(ann.page.url(), `${registry.url}/`);
  const [cookie] = (await ann.context.cookies()).filter(({ name }) => name.includes("session"));
  assert.equal(cookie.httpOnly, true);
  assert.equal(cookie.sameSite, "Lax");
  await ann.follow("Your repositories");
  await ann.says("You do not belong to a repository yet");
  await ann.press("Sign out");
  await ann.says("Signed out.");
  await ann.page.getByRole("banner").getByRole("link", { name: "Sign in" }).waitFor();
  await ann.leave();
});

test("a deep link of somebody who is not signed in leads back to it", async () => {
  const ann = await person(registry.url);
  await ann.page.goto(`${registry.url}/ui/account?x=%3Cb%3E`);
  await ann.atProvider("ann");
  await ann.page.waitForURL(`${registry.url}/ui/account?x=%3Cb%3E`);
  await ann.leave();
});

test("a sign-in that leads elsewhere is refused", async () => {
  const ann = await person(registry.url);
  for (const to of ["//evil.example", "https://evil.example/ui", "/\\evil.example", "/ui/../../x"]) {
    const answer = await ann.page.goto(`${registry.url}/api/auth/sign-in?to=${encodeURIComponent(to)}`);
    assert.equal(answer.status(), 400, to);
    assert.equal(new URL(ann.page.url()).origin, registry.url);
  }
  await ann.leave();
});
