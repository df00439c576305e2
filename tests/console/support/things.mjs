// A registry with something of everything in it, for the tests that look at every page.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { furtherPages, mainPages } from "./addresses.mjs";
import { root } from "./place.mjs";
import { apiOf, idToken, program } from "./server.mjs";
import { Workplace } from "./workplace.mjs";

const README = `# A small library

Greets people. It has **no dependencies** that you would notice.

## Use

\`\`\`js
import { greet } from "@demo/greeter";
console.log(greet("you"));
\`\`\`

| option | meaning | default |
| --- | --- | --- |
| \`loud\` | in capital letters | \`false\` |
| \`language\` | one of \`en\`, \`de\`, \`fr\` | \`en\` |

1. Install it.
2. Call it.

> It says hello, and nothing else.

See [the documentation](https://docs.example.com/greeter).
`;

/**
 * Fills a registry, and says where what is: the paths of all pages by name, and the names of the main ones. Everything belongs
 * to `admin`.
 */
export async function fill(registry) {
  const { url, token } = registry;
  // As the administrator who has signed in: only people make tokens.
  const api = apiOf(url, await idToken(url, "admin"));
  const work = new Workplace();
  work.variables = { GRANARY_TOKEN: token, GRANARY_SERVER: url };
  work.variables.PATH = `${dirname(program)}:${process.env.PATH}`;
  try {
    await api("POST", "/api/orgs", { slug: "acme", name: "Acme Limited" });
    for (const [name, packageTypes, more] of [
      ["demo", ["npm", "maven", "swift", "composer", "raw"], { visibility: "public", description: "Libraries of the demonstration, in every language that we speak" }],
      ["inside", ["npm"], { orgSlug: "acme", description: "For people of Acme" }],
      ["sources", ["maven"], { visibility: "public" }],
      ["kotlin", ["kmp"], { kmpConfig: { sourceType: "artifacts", sourceRepoId: "sources" } }],
    ]) {
      await api("POST", "/api/repos", { name, packageTypes, visibility: "private", ...more });
    }
    await people(registry, api);
    await upstreams(api);
    await packages(work, url);
    const ids = { ...await sales(api), ...await tokens(api), ...await kotlin(api), ...await artifacts(api, registry) };
    return { ids, pages: pages(ids), main: Object.keys(mainPages(ids)) };
  } finally {
    work.remove();
  }
}

async function people(registry, api) {
  // Somebody is known once they have signed in.
  for (const sub of ["bea", "carl"]) {
    await apiOf(registry.url, await idToken(registry.url, sub))("GET", "/api/auth/me");
  }
  await api("POST", "/api/repos/demo/members", { userId: "bea", role: "write" });
  await api("POST", "/api/orgs/acme/members", { userId: "carl", role: "member" });
}

async function upstreams(api) {
  await api("POST", "/api/repos/demo/upstreams", { name: "sources", packageType: "maven", repoId: "sources", owned: ["com.example.demo:*"] });
  await api("POST", "/api/repos/demo/blocks", { packageType: "npm", name: "left-pad", versions: ">=1.3.1", reason: "It mines coins" });
}

async function packages(work, url) {
  work.write(".npmrc", `//${url.split("//")[1]}/api/npm/demo/:_authToken=\${GRANARY_TOKEN}\n`);
  work.write("README.md", README);
  work.write("index.js", "exports.greet = (who) => `Hello, ${who}!`;\n");
  for (const version of ["1.0.0", "1.1.0", "2.0.0-beta.1"]) {
    work.write("package.json", {
      name: "@demo/greeter",
      version,
      description: "Greets people in three languages",
      keywords: ["greeting", "demo"],
      license: "MIT",
      homepage: "https://greeter.example.com",
      repository: { type: "git", url: "git+https://git.example.com/demo/greeter.git" },
      dependencies: { "left-pad": "^1.3.0", "@demo/words": "~0.1.0" },
      devDependencies: { typescript: "^5.0.0" },
    });
    const tag = version.includes("beta") ? "next" : "latest";
    await work.run(`npm publish --registry ${url}/api/npm/demo/ --tag ${tag}`);
  }
  await work.run(`
    npm deprecate @demo/greeter@1.0.0 'Use 1.1.0' --registry ${url}/api/npm/demo/
    mkdir -p m2/com/example/demo/core/1.0.0 swift/Sources/Shared composer
    cd m2/com/example/demo/core/1.0.0
    echo '<project><modelVersion>4.0.0</modelVersion><groupId>com.example.demo</groupId><artifactId>core</artifactId><version>1.0.0</version><description>The core of the demonstration</description><licenses><license><name>Apache-2.0</name></license></licenses><dependencies><dependency><groupId>com.example</groupId><artifactId>base</artifactId><version>[1.0,2.0)</version></dependency></dependencies></project>' >core-1.0.0.pom
    echo content >x; zip -q core-1.0.0.jar x; rm x
    cd - >/dev/null
    printf '// swift-tools-version:5.9\\nimport PackageDescription\\nlet package = Package(name: "Shared", targets: [.target(name: "Shared")])\\n' >swift/Package.swift
    echo '// nothing' >swift/Sources/Shared/Shared.swift
    cp README.md swift
    echo '{"name": "demo/framework", "description": "A framework of the demonstration", "license": "MIT", "require": {"php": ">=8.1"}}' >composer/composer.json
    (cd swift && zip -qr ../swift.zip .)
    (cd composer && zip -qr ../composer.zip .)
    head -c 300000 /dev/zero >tool-linux-amd64
    granary push maven m2 --repo demo
    granary push swift swift.zip --repo demo --id demo.Shared --version 1.0.0
    granary push composer composer.zip --repo demo --version 1.0.0
    granary push raw tool-linux-amd64 README.md --repo demo --package tool --version 1.0.0
  `);
}

async function sales(api) {
  const licence = await api("POST", "/v1/licenses", {
    name: "Customer Inc.",
    constraint: { type: "version", value: "<2.0.0" },
    packages: ["@demo/greeter"],
  });
  const sold = await api("POST", "/packages", { name: "@demo/greeter", type: "npm", repo_id: "demo" });
  const numbered = await api("POST", "/packages", { name: "demo/theme", type: "composer", repo_id: "demo" });
  await api("POST", `/versions/package/${numbered.id}`, { name: "8.7.2" });
  const consumer = await api("POST", "/consumers", { email: "one@example.com" });
  const permission = await api("POST", "/permissions", { consumer_id: consumer.id, package_id: sold.id, version: "^1.0.0" });
  return { licence: licence.id, consumer: consumer.id, permission: permission.id, sold: sold.id, numbered: numbered.id };
}

async function tokens(api) {
  const made = {};
  for (const [name, path] of [
    ["accountToken", "/api/auth/token"],
    ["repositoryToken", "/api/repos/demo/tokens"],
    ["organisationToken", "/api/orgs/acme/tokens"],
  ]) {
    const { token } = await api("POST", path, { name: "laptop", scopes: ["read", "write"] });
    made[name] = token.id;
  }
  return made;
}

async function kotlin(api) {
  const watched = await api("POST", "/api/repos/kotlin/kmp/watched", {
    groupId: "com.example.kmp",
    artifactId: "greeter",
    npmPackageName: "@kotlin/greeter",
    enableSwift: false,
  });
  const id = watched.id ?? watched.watched?.id;
  // It fails, as there is nothing to be built.
  const { build } = await api("POST", "/api/repos/kotlin/kmp/builds", { watchedPackageId: id, version: "1.0.0" });
  return { watched: id, build: build.id };
}

async function artifacts(api, registry) {
  await product(registry);
  const { entity } = await api("POST", "/api/entities", {
    type: "app",
    slug: "demo-app",
    name: "The demonstration's app",
    description: "An app that shows what entities are",
  });
  await api("POST", "/api/organizations/acme/store", { entityId: entity.id, isPublic: true });
  const moment = "2026.11.30-120000";
  await entityVersion(api, entity.id, moment);
  return { entity: entity.id, moment };
}

/** Uploads a version of an entity in its two steps. */
async function entityVersion(api, entity, version) {
  const content = randomBytes(2000);
  const about = { version, source_hash: "3a7bd3e2360a3d29eea436fcfb7e44c735d117c4", file_size_bytes: content.length };
  const { package: to } = await api("POST", `/api/entities/${entity}/versions/upload-url`, about);
  const sent = await fetch(to.upload_url, { method: to.method, headers: to.headers, body: content });
  if (!sent.ok) throw new Error(`the storage does not take the version of an entity: ${sent.status} ${await sent.text()}`);
  await api("POST", `/api/entities/${entity}/versions/confirm`, { ...about, storage_path: to.storage_path, set_as_active: true });
}

async function product({ url, token }) {
  const call = async (method, path, body) => {
    const headers = { "x-api-token": token };
    if (!(body instanceof FormData)) headers["content-type"] = "application/json";
    const answer = await fetch(url + path, { method, headers, body: body instanceof FormData ? body : JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.text();
  };
  await call("PUT", "/api/product/create", { name: "demo-tool" });
  const form = new FormData();
  form.set("product", "demo-tool");
  form.set("version", "v1.0.0");
  form.set("file", new Blob([randomBytes(2000)]), "demo-tool.tar.gz");
  await call("POST", "/api/product/upload", form);
}

/** Every page of the console, by the name of its picture. */
function pages(ids) {
  return { ...mainPages(ids), ...furtherPages(ids, families()) };
}

/** Parts of the interface, each of which has a page: the tags of its operations. */
function families() {
  const { paths } = JSON.parse(readFileSync(join(root, "docs/openapi.json"), "utf8"));
  const operations = Object.values(paths).flatMap((item) => Object.values(item));
  return [...new Set(operations.flatMap(({ tags }) => tags?.slice(0, 1) ?? []))];
}
