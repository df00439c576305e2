// Reading Maven repositories: bounded in time, size, redirects and in whom it tells a credential.

import { createHash } from 'node:crypto';

import { Code, Failure, shown } from './failure.mjs';
import { folder, spelled } from './coordinates.mjs';
import { checkHost, isPublicHost, publicNames, send } from './guard.mjs';

/** Most bytes of a file of metadata. */
export const MAX_METADATA = 8 * 1024 * 1024;
/** Most bytes of a library. */
export const MAX_LIBRARY = 256 * 1024 * 1024;

const MAX_REDIRECTS = 5;
const ATTEMPTS = 3;
const RETRIED = new Set([408, 429, 500, 502, 503, 504]);

/** A repository's address, without a slash at its end. Credentials do not belong into it. */
export function repositoryUrl(text) {
  const wrong = (why) => new Failure(Code.USAGE, `'${shown(text)}' cannot be a repository: ${why}`);
  let url;
  try {
    url = new URL(text);
  } catch {
    throw wrong('it is no address');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw wrong('only https and http are read');
  }
  if (url.username || url.password) {
    // Not shown: whatever stands there may be a secret.
    throw new Failure(Code.USAGE, 'a repository has a credential in its address; pass it by environment variables');
  }
  if (url.search || url.hash) {
    throw wrong("leave out what follows '?' or '#'");
  }
  return url.href.replace(/\/+$/, '');
}

/** Maven repositories that are asked in turn for each module. */
export class Sources {
  /**
   * `urls`: checked by `repositoryUrl`. `authorize`: async (url) => value of an Authorization header or undefined.
   * `seconds`: how long one request may take to answer, and how long its bytes may then pause. `ask`, `resolve`: for tests.
   *
   * Only public addresses are asked, unless GRANARY_ALLOW_PRIVATE_SOURCES is `true`, or the registry itself (GRANARY_URL) is:
   * it may be anywhere, and says itself where its files are.
   */
  constructor(urls, { authorize = async () => undefined, seconds = 30, pause = 1000, env = process.env, ask = send, resolve } = {}) {
    this.urls = urls;
    this.authorize = authorize;
    this.seconds = seconds;
    this.pause = pause;
    this.ask = ask;
    this.lookup = publicNames(resolve);
    this.allowsPrivate = env.GRANARY_ALLOW_PRIVATE_SOURCES === 'true';
    this.registry = URL.canParse(env.GRANARY_URL ?? '') ? new URL(env.GRANARY_URL).origin : null;
  }

  /** Whether a repository is one of the registry itself. */
  isRegistry(base) {
    return new URL(base).origin === this.registry;
  }

  /** Whether a repository may lead to public addresses only. */
  isGuarded(base) {
    return !this.allowsPrivate && !this.isRegistry(base);
  }

  /**
   * The first of `names` that a repository has for a module: `{ base, url, name, bytes }`, or null if none has any.
   * One repository is asked for all names before the next, and `from`, if given, before all others.
   */
  async find(module, names, from) {
    for (const base of from === undefined ? this.urls : new Set([from, ...this.urls])) {
      for (const name of names) {
        const url = `${base}/${folder(module)}/${encodeURIComponent(name)}`;
        const bytes = await this.get(base, url, MAX_METADATA);
        if (bytes !== null) {
          return { base, url, name, bytes };
        }
      }
    }
    return null;
  }

  /**
   * Address of what `relative` names beside `url`. It has to be inside the repository `base`: metadata of a stranger
   * does not choose other hosts.
   */
  static inside(base, url, relative) {
    const target = URL.canParse(relative, url) ? new URL(relative, url) : null;
    if (target === null || target.search || target.hash || !target.href.startsWith(`${base}/`)) {
      throw new Failure(Code.SOURCE, `metadata names the file '${shown(relative)}', which is outside of its repository`);
    }
    return target.href;
  }

  /** The bytes at an address inside the repository `base`, or null if there is nothing (404, 410). */
  async get(base, url, most) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.attempt(base, url, most);
      } catch (error) {
        if (error instanceof Failure && !error.again) {
          throw error;
        }
        if (attempt === ATTEMPTS) {
          throw error instanceof Failure ? error : new Failure(Code.SOURCE, `${shown(url, 300)}: ${reason(error)}`);
        }
      }
      await new Promise((done) => setTimeout(done, this.pause * 2 ** (attempt - 1)));
    }
  }

  async attempt(base, url, most) {
    const credential = await this.authorize(base);
    const lookup = this.isGuarded(base) ? this.lookup : undefined;
    let at = url;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      const isHome = new URL(at).origin === new URL(base).origin;
      const headers = { accept: '*/*', 'user-agent': 'granary-kmp-build' };
      if (credential && isHome) {
        headers.authorization = credential;
      }
      if (lookup) {
        checkHost(at);
      }
      const watch = new Watch(this.seconds);
      try {
        const response = await this.ask(at, { headers, signal: watch.signal, lookup });
        const next = redirected(at, response);
        if (next !== null) {
          await response.body?.cancel();
          checkRedirect(base, at, next, this.isRegistry(base));
          at = next;
          continue;
        }
        return await this.answer(url, response, most, watch);
      } catch (error) {
        throw watch.signal.aborted ? watch.signal.reason : error;
      } finally {
        watch.stop();
      }
    }
    throw new Failure(Code.SOURCE, `${shown(url, 300)}: more than ${MAX_REDIRECTS} redirects`);
  }

  async answer(url, response, most, watch) {
    if (response.status === 200) {
      return await readLimited(url, response, most, watch);
    }
    await response.body?.cancel();
    if (response.status === 404 || response.status === 410) {
      return null;
    }
    const hint = [401, 403].includes(response.status) ? '; check the credential of this repository' : '';
    const failure = new Failure(Code.SOURCE, `${shown(url, 300)}: the repository answers ${response.status}${hint}`);
    failure.again = RETRIED.has(response.status);
    throw failure;
  }
}

/** Ends a request that does not answer, or whose bytes pause, for too long, or which takes longer than 20 times that. */
class Watch {
  constructor(seconds) {
    this.controller = new AbortController();
    this.millis = seconds * 1000;
    this.signal = this.controller.signal;
    const endless = () => this.controller.abort(new Error(`not done within ${seconds * 20} seconds`));
    this.whole = setTimeout(endless, this.millis * 20);
    this.touch();
  }

  touch() {
    clearTimeout(this.timer);
    const late = () => this.controller.abort(new Error(`no answer within ${this.millis / 1000} seconds`));
    this.timer = setTimeout(late, this.millis);
  }

  stop() {
    clearTimeout(this.timer);
    clearTimeout(this.whole);
  }
}

function redirected(at, response) {
  if (![301, 302, 303, 307, 308].includes(response.status)) {
    return null;
  }
  const location = response.headers.get('location') ?? '';
  if (!URL.canParse(location, at)) {
    throw new Failure(Code.SOURCE, `${shown(at, 300)}: it redirects to no address`);
  }
  return new URL(location, at).href;
}

function checkRedirect(base, from, to, isRegistry) {
  const [first, target] = [new URL(from), new URL(to)];
  const refuse = (why) => {
    throw new Failure(Code.SOURCE, `${shown(from, 300)}: it redirects to ${why}`);
  };
  if (target.protocol !== 'https:' && target.protocol !== 'http:') refuse('something that is not http');
  // The registry says itself where its files are.
  if (isRegistry) return;
  if (first.protocol === 'https:' && target.protocol !== 'https:') refuse('an address without TLS');
  // Not even where private sources are wanted does a public one lead there.
  if (!isPublicHost(to) && isPublicHost(base)) refuse('a private network');
}

async function readLimited(url, response, most, watch) {
  const tooLarge = () => new Failure(Code.SOURCE, `${shown(url, 300)}: it is larger than ${most} bytes`);
  if (Number(response.headers.get('content-length') ?? 0) > most) {
    throw tooLarge();
  }
  const chunks = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    watch.touch();
    size += chunk.length;
    if (size > most) {
      throw tooLarge();
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function reason(error) {
  const cause = error?.cause?.code ?? error?.cause?.message ?? error?.message ?? error;
  return shown(cause, 200);
}

/**
 * Compares a file with the digests that the metadata gives for it. `digests`: the strongest one that is there counts.
 *
 * Returns whether there was one.
 */
export function verify(what, bytes, digests) {
  for (const algorithm of ['sha512', 'sha256', 'sha1']) {
    const wanted = digests[algorithm];
    if (typeof wanted !== 'string') {
      continue;
    }
    const found = createHash(algorithm).update(bytes).digest('hex');
    if (found !== wanted.trim().toLowerCase()) {
      throw new Failure(Code.SOURCE, `${what}: its ${algorithm} is ${found}, and its metadata says ${shown(wanted)}`);
    }
    return true;
  }
  return false;
}

/** The message for a module that no repository has. */
export function missing(module, urls) {
  return `${spelled(module)} is in none of the repositories: ${urls.map((url) => shown(url, 200)).join(', ')}`;
}
