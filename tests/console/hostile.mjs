// What a package brings along, in a browser in which somebody is signed in: nothing of it runs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { PHONE, person } from "./support/browser.mjs";
import { registry } from "./support/setting.mjs";
import { Workplace } from "./support/workplace.mjs";

const RUN = "window.__pwned = true; alert(1)";

const README = `# <img src=x onerror="${RUN}">

<script>${RUN}</script>
<script src="https://evil.example/x.js"></script>
<svg onload="${RUN}"><script>${RUN}</script></svg>
<svg><a xlink:href="javascript:${RUN}"><text y="20">a picture</text></a></svg>
<math><mtext><table><mglyph><style><img src=x onerror="${RUN}"></style></mglyph></table></mtext></math>
<iframe src="javascript:parent.__pwned = true"></iframe>
<object data="data:text/html,<script>parent.__pwned=true</script>"></object>
<form action="/ui/sign-out" method="post"><button name="everywhere">Click here</button></form>
<a href="javascript:${RUN}">one</a> <a href="java&#x09;script:${RUN}">two</a> <a href="data:text/html,<script>${RUN}</script>">three</a>
<input autofocus onfocus="${RUN}"> <details open ontoggle="${RUN}"><summary>x</summary></details>
<style>body { display: none }</style> <link rel="stylesheet" href="https://evil.example/x.css"> <base href="https://evil.example/">
<meta http-equiv="refresh" content="0; url=https://evil.example/">
<p id="main" class="danger" style="position: fixed; inset: 0; background: red">over everything</p>

[four](javascript:${encodeURIComponent(RUN)}) [five](vbscript:x) ![six](javascript:alert(1)) [seven](//evil.example/x)
![remote](https://evil.example/pixel.png)

| a | b |
| - | - |
| ${"x".repeat(400)} | ${"מילה ".repeat(40)} |

\`\`\`html
<script>${RUN}</script>
\`\`\`

${"unbreakable".repeat(60)}
`;

const RTL = "\u202Egnp.exe\u202C \u05E9\u05DC\u05D5\u05DD <b>bold</b> \"><script>window.__pwned = true</script>";

async function publish(name) {
  const work = new Workplace();
  work.write(".npmrc", `//${new URL(registry.url).host}/api/npm/hostile/:_authToken=${registry.token}\n`);
  work.write("README.md", README);
  work.write("package.json", {
    name,
    version: "1.0.0",
    description: RTL,
    keywords: ["<script>window.__pwned = true</script>", RTL],
    license: "<img src=x onerror='window.__pwned = true'>",
    homepage: "javascript:window.__pwned = true",
    repository: "javascript:window.__pwned = true",
    dependencies: { "left-pad": "<script>window.__pwned = true</script>" },
  });
  await work.run(`npm publish --registry ${registry.url}/api/npm/hostile/`);
  work.remove();
}

test("names, descriptions and READMEs full of script are shown, and nothing of them runs", async () => {
  const { api, url } = registry;
  await api("POST", "/api/repos", { name: "hostile", packageTypes: ["npm", "raw"], visibility: "public", description: RTL });
  const long = `@hostile/${"a".repeat(205)}`;
  await publish("@hostile/readme");
  await publish(long);
  for (const viewport of [undefined, PHONE]) {
    const victim = await person(url, { viewport });
    await victim.open("/");
    await victim.signIn("admin");
    for (const path of ["/?text=hostile", "/ui", "/ui/repos/hostile", "/ui/repos/hostile/npm/@hostile/readme", `/ui/repos/hostile/npm/${long}`,
      "/ui/repos/hostile/settings", "/ui/repos/hostile/audit"]) {
      await victim.open(path);
      // Whatever would run late.
      await victim.page.waitForLoadState("networkidle");
      const found = await victim.page.evaluate(() => ({
        ran: window.__pwned,
        scripts: [...document.scripts].map(({ src }) => new URL(src).pathname.replace(/-\w+\.js/, ".js")),
        handlers: [...document.querySelectorAll("*")].flatMap((one) => [...one.attributes]).filter(({ name }) => name.startsWith("on") || name === "style").length,
        links: [...document.querySelectorAll("a[href], area[href]")].map(({ protocol }) => protocol).filter((one) => !/^(https?|mailto):$/.test(one)),
        foreign: document.querySelectorAll(".readme :is(form, input, iframe, object, embed, style, link, meta, base, script, svg, math)").length,
      }));
      assert.deepEqual(found, { ran: undefined, scripts: ["/ui/assets/console.js"], handlers: 0, links: [], foreign: 0 }, path);
    }
    await victim.open("/ui/repos/hostile/npm/@hostile/readme");
    await victim.says("<b>bold</b>");
    await victim.picture(`hostile-${viewport ? "phone" : "desktop"}`);
    for (const link of await victim.page.locator(".readme a").all()) {
      assert.match(await link.getAttribute("rel") ?? "", /nofollow|noreferrer|noopener/);
    }
    await victim.leave();
  }
});

test("files of packages are downloaded, and never shown by the browser as pages of the console", async () => {
  const { url, token } = registry;
  const page = `<!doctype html><title>x</title><script>fetch("/ui").then(() => { document.title = "pwned" })</script>`;
  const files = {
    "page.html": ["text/html", page],
    "picture.svg": ["image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg"><script>document.title = "pwned"</script></svg>`],
    "large.html": ["text/html", page + " ".repeat(400_000)],
    "page.xhtml": ["application/xhtml+xml", `<html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>`],
  };
  const victim = await person(url);
  await victim.open("/");
  await victim.signIn("admin");
  for (const [name, [type, content]] of Object.entries(files)) {
    const address = `/api/raw/hostile/files/1.0.0/${name}`;
    const put = await fetch(url + address, {
      method: "PUT",
      headers: { authorization: `Bearer ${token}`, "content-type": type },
      body: content,
    });
    assert.equal(put.status, 201, await put.text());
    const before = victim.page.url();
    const download = victim.page.waitForEvent("download");
    await victim.page.evaluate((to) => { location.href = to; }, address);
    assert.equal((await download).suggestedFilename(), name);
    assert.equal(readFileSync(await (await download).path(), "utf8"), content);
    assert.equal(victim.page.url(), before);
    const answer = await victim.context.request.get(url + address, { maxRedirects: 0 });
    const headers = answer.headers();
    if (answer.status() === 200) {
      assert.match(headers["content-disposition"], /^attachment/);
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.match(headers["content-security-policy"], /sandbox/);
    } else {
      // The storage is another origin, which has no cookie of the registry.
      assert.notEqual(new URL(headers.location).host, new URL(url).host);
    }
  }
  await victim.leave();
});
