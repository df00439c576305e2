// A Maven repository on loopback for the tests: files of a folder, and ways to go wrong.
//
// Usage: node server.mjs FOLDER     prints its address; ends when its standard input does.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Serves `folder` below `/repository`. `/hanging` never answers, `/broken` answers 500, `/private` wants the user `reader` with
 * the password `secret`, `/moved` redirects to `/repository`, and `/seen` tells the requests so far.
 */
export async function serve(folder) {
  const seen = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    seen.push({ path: pathname, authorization: request.headers.authorization ?? null });
    const [, place, ...rest] = decodeURIComponent(pathname).split('/');
    const end = (status, headers = {}) => response.writeHead(status, headers).end();
    const answers = {
      hanging: () => {},
      broken: () => end(500),
      moved: () => end(307, { location: `/repository/${rest.join('/')}` }),
      private: () => {
        const wanted = `Basic ${Buffer.from('reader:secret').toString('base64')}`;
        return request.headers.authorization === wanted ? file(rest) : end(401, { 'www-authenticate': 'Basic realm="test"' });
      },
      repository: () => file(rest),
      seen: () => response.end(JSON.stringify(seen)),
    };
    async function file(parts) {
      const path = normalize(join(folder, ...parts));
      const found = path.startsWith(folder) ? await stat(path).catch(() => null) : null;
      if (!found?.isFile()) {
        end(404);
        return;
      }
      response.writeHead(200, { 'content-length': found.size });
      createReadStream(path).pipe(response);
    }
    (answers[place] ?? (() => end(404)))();
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, seen, close };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url, close } = await serve(normalize(process.argv[2]));
  console.log(url);
  process.stdin.on('end', close).resume();
}
