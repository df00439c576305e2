// Credentials of a job. They come by environment variables only, and are told to nobody but whom they are for.

import { Code, Failure } from './failure.mjs';
import { Registry, isBelow } from './registry.mjs';

/**
 * A function that gives, for a repository, the value of its Authorization header: that of GRANARY_SOURCE_USERNAME and
 * _PASSWORD for the first of `urls`, and the build's token for repositories of the registry itself.
 */
export function authorizer(urls, env = process.env) {
  const { GRANARY_SOURCE_USERNAME: user, GRANARY_SOURCE_PASSWORD: password, GRANARY_URL: registry } = env;
  if (user && !password) {
    throw new Failure(Code.USAGE, 'GRANARY_SOURCE_USERNAME is set and GRANARY_SOURCE_PASSWORD is not');
  }
  if (registry && !URL.canParse(registry)) {
    throw new Failure(Code.USAGE, 'GRANARY_URL has to be the address of the registry, with https');
  }
  let token;
  return async (base) => {
    if (password && base === urls[0]) {
      return `Basic ${Buffer.from(`${user || 'token'}:${password}`, 'utf8').toString('base64')}`;
    }
    const isOwn = Boolean(registry) && isBelow(base, registry);
    if (!isOwn || (!env.GRANARY_BUILD_TOKEN && !env.ACTIONS_ID_TOKEN_REQUEST_URL)) {
      return undefined;
    }
    token ??= Registry.ofJob(env).token();
    return `Bearer ${await token}`;
  };
}

