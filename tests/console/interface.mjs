// Runs schemathesis against a registry and the description of its interface. scripts/console calls it with the program.
//
// Twice: with whatever schemathesis comes up with, and with names of things that are there, so that it gets further than "there is
// no such repository". Both with a fixed seed.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { root } from "./support/place.mjs";
import { startServer } from "./support/server.mjs";
import { fill } from "./support/things.mjs";

const [schemathesis, ...more] = process.argv.slice(2);
const CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/** Parameters of paths, for operations whose path begins so. */
function known(ids) {
  const npm = { name: "@demo/greeter", version: "1.0.0", file: "greeter-1.0.0.tgz", tag: "latest", user: "admin", org: "acme", rev: "1-0" };
  return {
    "/api/npm/": { repo: "demo", ...npm },
    "/api/maven/": { repo: "demo", path: "com/example/demo/core/1.0.0/core-1.0.0.pom" },
    "/api/raw/": { repo: "demo", package: "tool", version: "1.0.0", file: "README.md" },
    "/api/swift/": { repo: "demo", scope: "demo", name: "Shared", version: "1.0.0" },
    "/composer/": { repo: "demo", vendor: "demo", name: "framework", version: "1.0.0" },
    "/api/repos/\\{repo\\}/kmp": { repo: "kotlin", id: ids.watched },
    "/api/repos/\\{repo\\}(?!/kmp)": { repo: "demo" },
    "/api/orgs/": { org: "acme" },
    "/api/organizations/": { org: "acme", entity: ids.entity },
    "/api/entities/": { entity: ids.entity, user: "bea" },
    "/api/product/": { product: "demo-tool", version: "v1.0.0" },
    "/v1/licenses/": { id: ids.licence },
    "/consumers/": { id: ids.consumer, package: ids.sold, email: "one@example.com" },
    "/packages/": { id: ids.sold },
    "/versions/package/": { id: ids.sold },
  };
}

function configuration(values) {
  const tables = Object.entries(values).map(([path, parameters]) => {
    const pairs = Object.entries(parameters).map(([name, value]) => `"path.${name}" = ${JSON.stringify(value)}`);
    return `[[operations]]\ninclude-path-regex = ${JSON.stringify(`^${path}`)}\nparameters = { ${pairs.join(", ")} }\n`;
  });
  return tables.join("\n");
}

function run(registry, folder, options) {
  const { status, error } = spawnSync(
    resolve(schemathesis),
    [
      ...options.before ?? [],
      "run", join(root, "docs/openapi.json"),
      "--url", registry.url,
      "--header", `Authorization: Bearer ${registry.token}`,
      "--checks", CHECKS,
      "--phases", "coverage,fuzzing",
      "--max-examples", "5",
      "--seed", "1",
      "--workers", "2",
      "--continue-on-failure",
      "--generation-database", "none",
      "--warnings", "off",
      "--no-color",
      ...options.after ?? [],
      ...more,
    ],
    { cwd: folder, stdio: "inherit", env: { ...process.env, NO_PROXY: "*", PYTHONWARNINGS: "ignore" } },
  );
  if (error) throw error;
  return status === 0;
}

const folder = mkdtempSync(join(tmpdir(), "granary-interface-"));
const registry = await startServer({ GRANARY_KMP_BUILDER: "none" });
let good = false;
try {
  const { ids } = await fill(registry);
  const file = join(folder, "known.toml");
  writeFileSync(file, configuration(known(ids)));
  // First what is there, as nothing is deleted then.
  const first = run(registry, folder, { before: ["--config-file", file], after: ["--exclude-method", "DELETE"] });
  const second = run(registry, folder, {});
  good = first && second;
} finally {
  await registry.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = good ? 0 : 1;
