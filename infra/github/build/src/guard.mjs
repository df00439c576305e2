// Which addresses a build may be sent to by what users write into settings: the same as the registry itself
// (shared/kmp/src/guard.rs). What is checked is the address that is connected to, so that a name which means one thing now
// and another a moment later gains nothing.

import { lookup } from 'node:dns';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIPv4, isIPv6 } from 'node:net';

import { Code, Failure, shown } from './failure.mjs';

/** Whether an address is one that everybody on the internet reaches. What is none is not. */
export function isPublic(address) {
  if (isIPv4(address)) {
    return isPublicV4(address.split('.').map(Number));
  }
  const parts = isIPv6(address) ? segments(address) : null;
  return parts !== null && isPublicV6(parts);
}

function isPublicV4([a, b, c]) {
  const special =
    [0, 10, 127].includes(a) ||
    // Shared between providers and their customers, link-local, private.
    (a === 100 && b >= 64 && b < 128) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) ||
    // Protocol assignments, documentation, the old relays of 6to4, tests of networks.
    (a === 192 && b === 0 && (c === 0 || c === 2)) ||
    (a === 192 && b === 88 && c === 99) ||
    (a === 198 && (b === 18 || b === 19 || (b === 51 && c === 100))) ||
    (a === 203 && b === 0 && c === 113) ||
    // Multicast, reserved.
    a >= 224;
  return !special;
}

/** The eight numbers of an IPv6 address; null for one with a zone, which is of this machine only. */
function segments(address) {
  const url = `http://[${address}]/`;
  if (!URL.canParse(url)) {
    return null;
  }
  // By now four numbers with dots are two, and zeros are written in one way.
  const [head, tail] = new URL(url).hostname.slice(1, -1).split('::');
  const numbers = (text) => (text ? text.split(':').map((part) => parseInt(part, 16)) : []);
  const [first, last] = [numbers(head), numbers(tail)];
  return [...first, ...new Array(8 - first.length - last.length).fill(0), ...last];
}

function isPublicV6(parts) {
  const [first, second, third] = parts;
  const inner = (high, low) => isPublicV4([high >> 8, high & 0xff, low >> 8, low & 0xff]);
  const isZero = (from, to) => parts.slice(from, to).every((part) => part === 0);
  // An IPv4 address in any of its disguises is judged as what it is: mapped, NAT64, 6to4.
  if (isZero(0, 5) && parts[5] === 0xffff) return inner(parts[6], parts[7]);
  if (first === 0x64 && second === 0xff9b) return isZero(2, 6) && inner(parts[6], parts[7]);
  if (first === 0x2002) return inner(second, third);
  // Teredo, documentation, benchmarks, ORCHID.
  if (first === 0x2001 && ([0, 2, 0xdb8].includes(second) || (second >= 0x10 && second <= 0x2f))) return false;
  if (first === 0x3fff && second <= 0xfff) return false;
  // Global unicast is 2000::/3; nothing else is.
  return (first & 0xe000) === 0x2000;
}

/** Whether an address may be asked as far as it says by itself. Names are looked at when they are resolved. */
export function isPublicHost(address) {
  const host = new URL(address).hostname.replace(/^\[|\]$/g, '');
  return isIPv4(host) || isIPv6(host) ? isPublic(host) : !/^(.*\.)?localhost\.?$/i.test(host);
}

/** Refuses an address whose host is a number that is not public. */
export function checkHost(address) {
  if (!isPublicHost(address)) {
    throw refusal(new URL(address).hostname, 'is in a private network');
  }
}

// What a name of a private network means, and whether there is one, is told to nobody.
function unknown(name) {
  const failure = refusal(name, 'is not found on the internet');
  failure.again = true;
  return failure;
}

function refusal(name, why) {
  return new Failure(
    Code.SOURCE,
    `the host '${shown(name, 200)}' ${why}; where private sources are wanted, GRANARY_ALLOW_PRIVATE_SOURCES is 'true'`,
  );
}

/** A `lookup` of node:net that gives public addresses only. `resolve`: who knows names. */
export function publicNames(resolve = lookup) {
  return (name, options, done) => {
    resolve(name, { ...options, all: true }, (error, found) => {
      const known = error ? [] : found.filter(({ address }) => isPublic(address));
      if (known.length === 0) {
        done(unknown(name));
      } else if (options.all) {
        done(null, known);
      } else {
        done(null, known[0].address, known[0].family);
      }
    });
  };
}

/**
 * Asks for an address, and follows no redirect: `{ status, headers, body }` as of `fetch`, which lets nobody say what names
 * mean. `lookup`: as of node:net; without it, whatever the machine knows.
 */
export function send(address, { headers, signal, lookup: names }) {
  const request = new URL(address).protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((done, failed) => {
    // Connections are not kept: one that is there already was let in by somebody else's rules.
    const asked = request(address, { headers, signal, agent: false, ...(names && { lookup: names }) }, (answer) => {
      const body = { cancel: async () => answer.destroy(), [Symbol.asyncIterator]: () => answer[Symbol.asyncIterator]() };
      const get = (name) => answer.headers[name] ?? null;
      done({ status: answer.statusCode, headers: { get }, body });
    });
    asked.on('error', failed).end();
  });
}
