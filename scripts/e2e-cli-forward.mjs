// Usage: node scripts/e2e-cli-forward.mjs TARGET
//
// Serves TARGET, an address with a path, at the root of a free port, and prints that port. One scenario of
// e2e-cli asks for "/-/v1/search" at the root of the host, whatever path the registry has.
import http from "node:http";

const target = new URL(process.argv[2]);
const prefix = target.pathname.replace(/\/$/, "");

const server = http.createServer((request, response) => {
  const { method, headers, url } = request;
  const options = { host: target.hostname, port: target.port, method, headers, path: prefix + url };
  const forwarded = http.request(options, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  forwarded.on("error", () => response.destroy());
  request.pipe(forwarded);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
