// nginx with the bytes that Granary answered, as files: what a server could do that only reads and sends them.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { answers, freePort, run, SERVER, start } from "./process.mjs";

/**
 * Serves `files`, a map from a path such as `/many` to `{ bytes, contentType, encoding }`, without authentication and with the
 * `ETag` that nginx makes. `encoding` is sent as `Content-Encoding`, so gzip'd bytes are packed already.
 */
export async function startNginx(setting, folder, files) {
  const home = join(folder, "nginx");
  for (const part of ["files", "body", "proxy", "fastcgi", "uwsgi", "scgi"]) mkdirSync(join(home, part), { recursive: true });
  const locations = [...files].map(([path, file], index) => location(home, path, file, index));
  const port = await freePort();
  const config = join(home, "nginx.conf");
  writeFileSync(config, whole(home, port, locations));
  const base = `http://127.0.0.1:${port}`;
  const first = base + [...files.keys()][0];
  const args = ["-p", home, "-c", config, "-e", join(home, "error.log")];
  const server = await start(setting.nginx, args, { ready: () => answers(first), cpu: SERVER });
  return { ...server, name: "nginx", base, headers: {}, version: await nginxVersion(setting) };
}

/** What the program says of its version. */
export async function nginxVersion(setting) {
  const { stderr } = await run(setting.nginx, ["-v"]);
  return /nginx\/(\S+)/.exec(stderr)[1];
}

function location(home, path, { bytes, contentType, encoding }, index) {
  const file = join(home, "files", String(index));
  writeFileSync(file, bytes);
  const packed = encoding ? ` add_header Content-Encoding ${encoding};` : "";
  return `    location = "${path}" { alias "${file}"; types { } default_type "${contentType}";${packed} }`;
}

/** One process, since it has one core; what it has opened stays open. */
function whole(home, port, locations) {
  return `daemon off;
worker_processes 1;
user root;
pid "${home}/pid";
events { worker_connections 1024; }
http {
  access_log off;
  # With sendfile it answers large files over loopback two to three times more slowly, and small ones no faster.
  sendfile off;
  output_buffers 2 512k;
  open_file_cache max=10000;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  client_body_temp_path "${home}/body";
  proxy_temp_path "${home}/proxy";
  fastcgi_temp_path "${home}/fastcgi";
  uwsgi_temp_path "${home}/uwsgi";
  scgi_temp_path "${home}/scgi";
  server_names_hash_bucket_size 128;
  server {
    listen 127.0.0.1:${port} backlog=1024;
${locations.join("\n")}
  }
}
`;
}
