// A public Maven repository: the files of a folder, and nothing else.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join, normalize } from "node:path";

/**
 * Serves the files of a folder at a free port of this machine. Gives its address, without a slash at its end.
 *
 * `GET /-/fake/asked` says the method and address of each request (`requests`), and how many came with a credential.
 */
export async function serveFiles(folder) {
  const seen = { requests: new Set(), credentials: 0 };
  const server = createServer(async (request, response) => {
    if (request.url === "/-/fake/asked") {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ ...seen, requests: [...seen.requests] }));
      return;
    }
    const path = normalize(decodeURIComponent(request.url));
    seen.requests.add(`${request.method} ${path}`);
    if (request.headers.authorization || request.headers.cookie) seen.credentials += 1;
    const bytes = ["GET", "HEAD"].includes(request.method) && (await readFile(join(folder, path)).catch(() => undefined));
    if (!bytes) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-length": bytes.length }).end(request.method === "HEAD" ? undefined : bytes);
  });
  server.keepAliveTimeout = 600_000;
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${server.address().port}`;
}
