// What answers cost the servers, which does not depend on how fast the load generator is.
import { spread } from "./table.mjs";

/** A server whose core is less busy than this was not what limited the numbers. */
const BUSY = 0.9;

/**
 * A table of the processor time per answer. `results` has a `label` for each case and `all`, a map from the servers to what
 * `turns` gives for them.
 */
export function costTable({ id, title, command, servers, results }) {
  const idle = servers.map((server) => idleOf(server, results)).filter(Boolean);
  return {
    id,
    title,
    command,
    columns: ["microseconds of processor per answer", ...servers.map(({ name }) => name)],
    rows: results.map(({ label, all }) => [label, ...servers.map((server) => spread(all.get(server)?.cost))]),
    notes: [
      "Processor time of the server's processes, with what the kernel does for them, divided by the answers of the same run: it does not depend on how fast the load generator is.",
      ...(idle.length ? idle : [`The core of every server was at least ${BUSY * 100} % busy in every case.`]),
    ],
  };
}

/** The cases in which something else than this server was the limit. */
function idleOf(server, results) {
  const cases = results
    .filter(({ all }) => all.get(server)?.busy?.median < BUSY)
    .map(({ label, all }) => `${label} (${Math.round(all.get(server).busy.median * 100)} %)`);
  if (!cases.length) return undefined;
  return `${server.name}'s core was less than ${BUSY * 100} % busy, so the load generator was the limit and ${server.name} could do more: ${cases.join("; ")}.`;
}
