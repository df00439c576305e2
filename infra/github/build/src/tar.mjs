// The tarball of an npm package.

import { gzipSync } from 'node:zlib';

/** Time of every file, as npm itself writes it: a package does not differ by when it was built. In seconds. */
const TIME = 499162500;

/**
 * A gzipped tar of `files`, a list of `{ name, bytes }`, under the folder `package`. The same files make the same bytes
 * with the same version of Node.
 */
export function npmTarball(files) {
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
  const parts = sorted.flatMap(({ name, bytes }) => [header(`package/${name}`, bytes.length), bytes, padding(bytes.length)]);
  const packed = gzipSync(Buffer.concat([...parts, Buffer.alloc(1024)]), { level: 9 });
  // The byte that names the operating system would differ between a Mac and Linux.
  packed[9] = 255;
  return packed;
}

function padding(length) {
  return Buffer.alloc((512 - (length % 512)) % 512);
}

function header(name, size) {
  if (Buffer.byteLength(name) > 100) {
    throw new Error(`the file name ${name} is too long for a package`);
  }
  const block = Buffer.alloc(512);
  const octal = (value, offset, length) => block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, 'latin1');
  block.write(name, 0, 'utf8');
  octal(0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(TIME, 136, 12);
  block.write('        0', 148, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
