// One request whose answer is wanted as it came over the wire: nothing is unpacked, no redirect is followed.
import { request } from "node:http";

/** How long a server may be silent, in milliseconds. One that never answers must not hold up what is measured after it. */
const PATIENCE = 120_000;

/**
 * The answer to a request: `status`, `headers` (names in lower case) and `body`, the bytes as they were sent, gzip'd if the
 * server sent them so.
 */
export function raw(url, { method = "GET", headers = {}, body, agent } = {}) {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const sent = request(url, { method, headers: { ...length, ...headers }, agent, timeout: PATIENCE }, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("error", reject);
      answer.once("end", () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks) }));
    });
    sent.on("error", reject);
    sent.once("timeout", () => sent.destroy(new Error(`${method} ${url}: nothing for ${PATIENCE / 1000} s`)));
    sent.end(body);
  });
}

/** As `raw`, and fails if the status is another than `expected`. */
export async function expecting(expected, url, options) {
  const answer = await raw(url, options);
  if (answer.status !== expected) {
    const said = answer.headers["content-encoding"] ? "" : answer.body.subarray(0, 300).toString();
    throw new Error(`${options?.method ?? "GET"} ${url}: ${answer.status} instead of ${expected} ${said}`);
  }
  return answer;
}
