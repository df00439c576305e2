// A registry with something of everything in it, for the tests that look at every page.
import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
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
 * Fills a registry, and says where what is: the paths of all pages, by name. Everything belongs to `admin`.
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
      ["sources", ["maven"], {}],
      ["kotlin", ["kmp"], { kmpConfig: { sourceType: "artifacts", sourceRepoId: "sources" } }],
    ]) {
      await api("POST", "/api/repos", { name, packageTypes, visibility: "private", ...more });
    }
    await people(registry, api);
    await packages(work, url);
    const ids = await records(api, work, registry);
    return { ids, pages: pages(ids) };
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

async function records(api, work, registry) {
  const licence = await api("POST", "/v1/licenses", {
    name: "Customer Inc.",
    constraint: { type: "version", value: "<2.0.0" },
    packages: ["@demo/greeter"],
  });
  const sold = await api("POST", "/packages", { name: "@demo/greeter", type: "npm", repo_id: "demo" });
  const consumer = await api("POST", "/consumers", { email: "one@example.com" });
  await api("POST", "/permissions", { consumer_id: consumer.id, package_id: sold.id, version: "^1.0.0" });
  await api("POST", "/api/auth/token", { name: "laptop", scopes: ["read", "write"] });
  const watched = await api("POST", "/api/repos/kotlin/kmp/watched", {
    groupId: "com.example.kmp",
    artifactId: "greeter",
    npmPackageName: "@kotlin/greeter",
    enableSwift: false,
  });
  await product(registry);
  const entity = await api("POST", "/api/entities", {
    type: "app",
    slug: "demo-app",
    name: "The demonstration's app",
    description: "An app that shows what entities are",
  });
  await api("POST", "/api/organizations/acme/store", { entityId: entity.entity.id, isPublic: true });
  return { licence: licence.id, consumer: consumer.id, sold: sold.id, watched: watched.id ?? watched.watched?.id, entity: entity.entity.id };
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
  return {
    discovery: "/",
    "discovery-search": "/?text=greeter",
    dashboard: "/ui",
    "new-repository": "/ui/new",
    repository: "/ui/repos/demo",
    "repository-members": "/ui/repos/demo/members",
    "repository-tokens": "/ui/repos/demo/tokens",
    "repository-settings": "/ui/repos/demo/settings",
    "repository-audit": "/ui/repos/demo/audit",
    "package-npm": "/ui/repos/demo/npm/@demo/greeter",
    "package-npm-old": "/ui/repos/demo/npm/@demo/greeter?version=1.0.0",
    "package-maven": "/ui/repos/demo/maven/com.example.demo:core",
    "package-swift": "/ui/repos/demo/swift/demo.Shared",
    "package-composer": "/ui/repos/demo/composer/demo/framework",
    "package-raw": "/ui/repos/demo/raw/tool",
    kmp: "/ui/repos/kotlin/kmp",
    account: "/ui/account",
    organisations: "/ui/orgs",
    organisation: "/ui/orgs/acme",
    "organisation-members": "/ui/orgs/acme/members",
    "organisation-tokens": "/ui/orgs/acme/tokens",
    "organisation-settings": "/ui/orgs/acme/settings",
    "organisation-audit": "/ui/orgs/acme/audit",
    selling: "/ui/selling",
    licences: "/ui/selling/licences",
    consumers: "/ui/selling/consumers",
    artifacts: "/ui/artifacts",
    health: "/ui/health",
    api: "/ui/api",
  };
}
