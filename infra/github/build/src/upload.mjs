// Sending a file to the registry by a session of presigned addresses.

import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';

import { Code, Failure, shown } from './failure.mjs';

/** How often the addresses of what is missing are asked for. */
const ROUNDS = 4;
/** How long one part may take, in milliseconds: 32 MB at 1 MB a second, and then some. */
const PATIENCE = 5 * 60_000;

async function digest(file, size) {
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < size; ) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
    if (bytesRead === 0) {
      throw new Failure(Code.UNEXPECTED, 'a file has become shorter while it is sent');
    }
    hash.update(chunk.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash.digest('hex');
}

/**
 * Sends one file and does not publish it: the id of the session, or null if the registry has this very version
 * already. `subject`: the fields of `POST /api/uploads` but for `files`.
 */
export async function send(registry, subject, path) {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const files = [{ name: basename(path), size, sha256: await digest(file, size) }];
    let { upload } = await registry.call('POST', '/api/uploads', { ...subject, files });
    if (upload.id === null || upload.id === undefined) {
      return null;
    }
    for (let round = 1; upload.status === 'open'; round += 1) {
      const missing = addresses(upload.files[0]);
      if (missing.length === 0) {
        break;
      }
      if (round > ROUNDS) {
        throw new Failure(Code.REGISTRY, `${basename(path)} has not arrived whole after ${ROUNDS} tries`);
      }
      for (const { at, length, address } of missing) {
        await put(file, at, length, address);
      }
      ({ upload } = await registry.call('GET', `/api/uploads/${encodeURIComponent(upload.id)}`));
    }
    return upload.id;
  } finally {
    await file.close();
  }
}

/** What is to be sent where: the whole file, or its parts. */
function addresses({ size, partSize, parts, url, headers, method }) {
  if (url !== undefined) {
    return [{ at: 0, length: size, address: { url, headers, method } }];
  }
  const missing = (parts ?? []).filter((part) => part.url !== undefined);
  return missing.map((part) => ({ at: (part.number - 1) * partSize, length: part.size, address: part }));
}

/** Sends a piece. What goes wrong is told and seen in the next round: the address may have run out. */
async function put(file, at, length, { url, headers = {}, method }) {
  const body = Buffer.alloc(length);
  const { bytesRead } = await file.read(body, 0, length, at);
  if (bytesRead !== length) {
    throw new Failure(Code.UNEXPECTED, 'a file has become shorter while it is sent');
  }
  // These two are made by the client itself.
  const sent = Object.entries(headers).filter(([name]) => !/^(content-length|host)$/i.test(name));
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const response = await fetch(url, { method, headers: Object.fromEntries(sent), body, signal, redirect: 'error' });
    await response.body?.cancel();
    if (!response.ok) {
      console.error(`the store answers ${response.status}`);
    }
  } catch (error) {
    console.error(`the store does not answer: ${shown(error?.cause?.message ?? error?.message, 200)}`);
  }
}

/** Waits until sessions are published. `ids`: of the sessions; `minutes`: at most. */
export async function published(registry, ids, minutes, pause = 3000) {
  const until = Date.now() + minutes * 60_000;
  for (const id of ids) {
    for (;;) {
      const { upload } = await registry.call('GET', `/api/uploads/${encodeURIComponent(id)}`);
      if (upload.status === 'completed') break;
      if (upload.status === 'failed') {
        throw new Failure(Code.REGISTRY, `the registry cannot publish it: ${shown(upload.error ?? 'no reason given', 500)}`);
      }
      if (Date.now() > until) {
        throw new Failure(Code.REGISTRY, `the registry has not published it after ${minutes} minutes`);
      }
      await new Promise((done) => setTimeout(done, pause));
    }
  }
}
