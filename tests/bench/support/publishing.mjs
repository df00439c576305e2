// Publishing npm packages the way `npm publish` does, over connections that stay open.
import { Agent } from "node:http";
import { pathOf } from "./packages.mjs";
import { pool } from "./pool.mjs";
import { raw } from "./raw.mjs";

/** Connections that stay open, so many at most. */
export function connections(width) {
  return new Agent({ keepAlive: true, maxSockets: width });
}

/** Sends one version, and gives the answer, whatever it is. */
export function attempt(registry, token, { name, body }, agent) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  return raw(registry + pathOf(name), { method: "PUT", headers, body, agent });
}

/** Publishes one version. Fails if it is not acknowledged. */
export async function publish(registry, token, one, agent) {
  const answer = await attempt(registry, token, one, agent);
  if (answer.status < 300) return;
  throw new Error(`publishing ${one.name} ${one.version}: ${answer.status} ${answer.body.subarray(0, 300)}`);
}

/** Publishes all of `packages` (what `publishOf` gives, as it is needed), `width` at a time. */
export async function publishAll(registry, token, packages, width) {
  const agent = connections(width);
  try {
    await pool(packages, width, (one) => publish(registry, token, one, agent));
  } finally {
    agent.destroy();
  }
}
