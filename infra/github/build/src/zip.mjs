// Zip archives: klibs are read, Swift packages are written. Only what these need; nothing above 4 GB.

import { open } from 'node:fs/promises';
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';

const MAX_ENTRIES = 200_000;

/**
 * The entries of an archive in memory: a map from name to a function that gives the bytes of an entry. Throws an Error
 * that says what is wrong. `most`: most bytes that one entry may have.
 */
export function readZip(archive, most = 16 * 1024 * 1024) {
  const end = archive.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0 || end + 22 > archive.length) {
    throw new Error('it is no zip archive');
  }
  const count = archive.readUInt16LE(end + 10);
  let at = archive.readUInt32LE(end + 16);
  if (count > MAX_ENTRIES) {
    throw new Error('it has too many entries');
  }
  const entries = new Map();
  for (let i = 0; i < count; i += 1) {
    if (at + 46 > archive.length || archive.readUInt32LE(at) !== 0x02014b50) {
      throw new Error('its directory is broken');
    }
    const [method, packed, size] = [archive.readUInt16LE(at + 10), archive.readUInt32LE(at + 20), archive.readUInt32LE(at + 24)];
    const [nameLength, extra, comment] = [28, 30, 32].map((offset) => archive.readUInt16LE(at + offset));
    const header = archive.readUInt32LE(at + 42);
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength);
    entries.set(name, () => readEntry(archive, { name, method, packed, size, header }, most));
    at += 46 + nameLength + extra + comment;
  }
  return entries;
}

function readEntry(archive, { name, method, packed, size, header }, most) {
  if (size > most || header + 30 > archive.length) {
    throw new Error(`its entry ${name} is too large or broken`);
  }
  const start = header + 30 + archive.readUInt16LE(header + 26) + archive.readUInt16LE(header + 28);
  const bytes = archive.subarray(start, start + packed);
  if (method === 0) {
    return bytes;
  }
  if (method !== 8) {
    throw new Error(`its entry ${name} is packed in an unknown way`);
  }
  return inflateRawSync(bytes, { maxOutputLength: Math.max(size, 1) });
}

/** Time of every entry, so that the same files make the same archive: 1980-01-01, the first that zip knows. */
const DOS_DATE = 0x0021;

/**
 * Writes an archive to `path`. `entries`: async iterable or list of `{ name, mode, bytes }`, in the order in which they are
 * written; `mode` is that of Unix with the kind of file (a symbolic link has its target as bytes; a folder's name ends
 * with a slash). `level`: of compression.
 */
export async function writeZip(path, entries, level = 6) {
  const file = await open(path, 'w');
  try {
    const directory = [];
    let offset = 0;
    const write = async (bytes) => {
      if (offset + bytes.length > 0xffffffff - 1024) {
        throw new Error('the archive would be larger than 4 GB');
      }
      await file.write(bytes);
      offset += bytes.length;
    };
    for await (const { name, mode, bytes } of entries) {
      const packed = bytes.length > 0 && level > 0 ? deflateRawSync(bytes, { level }) : bytes;
      const isSmaller = packed.length < bytes.length;
      const stored = isSmaller ? packed : bytes;
      const encoded = Buffer.from(name, 'utf8');
      const common = Buffer.alloc(26);
      common.writeUInt16LE(20, 0);
      common.writeUInt16LE(0x0800, 2); // names are UTF-8
      common.writeUInt16LE(isSmaller ? 8 : 0, 4);
      common.writeUInt16LE(0, 6);
      common.writeUInt16LE(DOS_DATE, 8);
      common.writeUInt32LE(crc32(bytes), 10);
      common.writeUInt32LE(stored.length, 14);
      common.writeUInt32LE(bytes.length, 18);
      common.writeUInt16LE(encoded.length, 22);
      directory.push({ common, encoded, mode, offset });
      await write(Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, encoded, stored]));
    }
    const start = offset;
    for (const { common, encoded, mode, offset: at } of directory) {
      const [head, tail] = [Buffer.from('PK\x01\x02\x14\x03', 'latin1'), Buffer.alloc(14)];
      tail.writeUInt32LE((mode << 16) >>> 0, 6);
      tail.writeUInt32LE(at, 10);
      await write(Buffer.concat([head, common, tail, encoded]));
    }
    if (directory.length > 0xfffe) {
      throw new Error('the archive would have more than 65534 entries');
    }
    const end = Buffer.alloc(22);
    end.write('PK\x05\x06', 0, 'latin1');
    end.writeUInt16LE(directory.length, 8);
    end.writeUInt16LE(directory.length, 10);
    end.writeUInt32LE(offset - start, 12);
    end.writeUInt32LE(start, 16);
    await write(end);
  } finally {
    await file.close();
  }
}
