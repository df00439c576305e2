// The registry, as a job talks to it.

import { Code, Failure, shown } from './failure.mjs';

const ATTEMPTS = 5;
const RETRIED = new Set([408, 425, 429, 500, 502, 503, 504]);
/** How long the registry may take to answer one request, in milliseconds. */
const PATIENCE = 60_000;
/** Longest pause that a `Retry-After` is obeyed for, in seconds. */
const MAX_PAUSE = 60;

/** Whether an address is `root` or below it. */
export function isBelow(address, root) {
  const [inner, outer] = [new URL(address), new URL(root)];
  const path = outer.pathname.replace(/\/+$/, '');
  return inner.origin === outer.origin && (inner.pathname === path || inner.pathname.startsWith(`${path}/`));
}

function registryUrl(text) {
  const url = URL.canParse(text ?? '') ? new URL(text) : null;
  const isLocal = url !== null && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname);
  if (url === null || url.username || url.search || url.hash || !(url.protocol === 'https:' || (url.protocol === 'http:' && isLocal))) {
    throw new Failure(Code.USAGE, 'GRANARY_URL has to be the address of the registry, with https');
  }
  return url.href.replace(/\/+$/, '');
}

/** A registry and one build in it. */
export class Registry {
  /**
   * Of the environment of a job: GRANARY_URL, GRANARY_BUILD_ID, and either GRANARY_BUILD_TOKEN or what GitHub gives to
   * jobs with `id-token: write`.
   */
  static ofJob(env = process.env) {
    const url = registryUrl(env.GRANARY_URL);
    const build = env.GRANARY_BUILD_ID ?? '';
    if (!/^[A-Za-z0-9_-]{1,128}$/.test(build)) {
      throw new Failure(Code.USAGE, 'GRANARY_BUILD_ID has to be the id of a build');
    }
    const { GRANARY_BUILD_TOKEN: token, ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret } = env;
    if (!token && !(address && secret)) {
      throw new Failure(
        Code.USAGE,
        'there is no credential: set GRANARY_BUILD_TOKEN, or give the job the permission id-token: write',
      );
    }
    return new Registry(url, build, { token, address, secret });
  }

  constructor(url, build, credential, { pause = 1000 } = {}) {
    this.url = url;
    this.build = build;
    this.credential = credential;
    this.pause = pause;
  }

  /** The token of this build; an identity of GitHub is exchanged for it when it is first needed. */
  async token() {
    this.known ??= this.credential.token ? Promise.resolve(this.credential.token) : this.exchange();
    return await this.known;
  }

  async exchange() {
    const address = new URL(this.credential.address);
    address.searchParams.set('audience', this.url);
    const headers = { authorization: `bearer ${this.credential.secret}`, accept: 'application/json' };
    const { value } = await this.json('GitHub', address, { headers });
    const path = `${this.url}/api/kmp/builds/${this.build}/token`;
    const { token } = await this.json('the registry', path, {
      method: 'POST',
      headers: { authorization: `Bearer ${value}` },
    });
    if (typeof token !== 'string' || token === '') {
      throw new Failure(Code.REGISTRY, 'the registry has answered without a token for this build');
    }
    return token;
  }

  /** Calls the registry with the build's token: the JSON it answers, with its `status` as `[STATUS]`. */
  async call(method, path, body) {
    for (let isSecond = false; ; isSecond = true) {
      const headers = { authorization: `Bearer ${await this.token()}` };
      if (body !== undefined) {
        headers['content-type'] = 'application/json';
      }
      try {
        return await this.json('the registry', `${this.url}${path}`, { method, headers, body: body && JSON.stringify(body) });
      } catch (error) {
        // The token may have run out during a long upload.
        if (isSecond || error.status !== 401 || this.credential.token) throw error;
        this.known = undefined;
      }
    }
  }

  async json(who, address, request) {
    const response = await this.answered(who, address, request);
    let answer;
    try {
      answer = response.text === '' ? {} : JSON.parse(response.text);
    } catch {
      answer = { error: 'its answer is not JSON' };
    }
    if (!response.ok) {
      const why = answer.error ?? answer.detail ?? answer.message ?? '';
      const failure = new Failure(Code.REGISTRY, `${who} answers ${response.status}: ${shown(why, 500)}`);
      failure.status = response.status;
      throw failure;
    }
    return Object.assign(answer, { [STATUS]: response.status });
  }

  /** A request that is repeated while the other side is not at its best; all of them may be. */
  async answered(who, address, request) {
    for (let attempt = 1; ; attempt += 1) {
      let pause = (this.pause * 2 ** attempt) / 1000;
      try {
        const signal = AbortSignal.timeout(PATIENCE);
        // A redirect would take the token elsewhere.
        const response = await fetch(address, { ...request, signal, redirect: 'error' });
        const text = await response.text();
        if (!RETRIED.has(response.status) || attempt === ATTEMPTS) {
          return { ok: response.ok, status: response.status, text };
        }
        pause = Number(response.headers.get('retry-after')) || pause;
      } catch (error) {
        if (attempt === ATTEMPTS) {
          const why = error?.cause?.code ?? error?.cause?.message ?? error?.message;
          throw new Failure(Code.REGISTRY, `${who} does not answer: ${shown(why, 200)}`);
        }
      }
      await new Promise((done) => setTimeout(done, Math.min(pause, MAX_PAUSE) * 1000));
    }
  }

  /** Claims the build for a run. Fails with CLAIM_LOST if another run has it. */
  async start(runId, attempt) {
    try {
      return await this.call('POST', `/api/kmp/builds/${this.build}/start`, { runId, attempt });
    } catch (error) {
      if (error.status === 409) {
        throw new Failure(Code.CLAIM_LOST, `this run may not do build ${this.build}: ${error.message}`);
      }
      throw error;
    }
  }

  /** Tells the end of the build: `{ npm, swift }` with ids of uploads, or `{ error }`. */
  async complete(outcome) {
    return await this.call('POST', `/api/kmp/builds/${this.build}/complete`, outcome);
  }
}

/** Where the status of an answer is kept, out of reach of what the answer says. */
export const STATUS = Symbol('status');
