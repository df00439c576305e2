// Follows links, as somebody who opens all of them. It only reads, and sends no form.

/** How long an answer may take, in milliseconds: a debug build on a busy machine. */
const PATIENCE = 60_000;

/** At most so many addresses that differ in their query alone: a log has a link to the month before, without an end. */
const ALIKE = 16;

/** Signing in and out, the identity provider, and addresses that the browser never opens by a link. */
const LEFT_OUT = /^\/(_idp|api\/auth|ui\/sign-out)(\/|\?|$)/;

const NAMED = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/**
 * Opens the pages of the registry at `url`, and what they link to, at most `most` addresses. Gives how many those were, how
 * many are left, and what is wrong: every answer that is neither 200 nor a redirect, and redirects to the sign-in.
 */
export async function crawl(url, cookie, pages, most) {
  const from = new Map(pages.map((path) => [path, "the list of pages"]));
  const alike = new Map();
  const wrong = [];
  let opened = 0;
  // Found, and not opened.
  const passed = new Set();
  // A map goes on with what is added to it.
  for (const path of from.keys()) {
    if (opened === most) {
      passed.add(path);
      continue;
    }
    opened += 1;
    const answer = await fetch(url + path, { headers: { cookie }, redirect: "manual", signal: AbortSignal.timeout(PATIENCE) });
    const html = answer.headers.get("content-type")?.startsWith("text/html") && answer.status === 200 ? await answer.text() : "";
    if (!html) await answer.body?.cancel();
    const to = answer.headers.get("location");
    const isRedirect = [302, 303, 307, 308].includes(answer.status) && to !== null;
    if (answer.status !== 200 && !isRedirect) wrong.push(`${answer.status} for ${path}, to which ${from.get(path)} links`);
    if (isRedirect && /\/(_idp|api\/auth)\//.test(to)) wrong.push(`${path}, to which ${from.get(path)} links, leads to the sign-in`);
    const links = isRedirect ? [to] : addresses(html);
    for (const next of links.flatMap((link) => ofRegistry(url, path, link))) {
      if (from.has(next)) continue;
      const [page] = next.split("?");
      alike.set(page, (alike.get(page) ?? 0) + 1);
      if (alike.get(page) <= ALIKE) from.set(next, path);
      else passed.add(next);
    }
  }
  return { opened, left: passed.size, wrong };
}

/** What a page links to and loads, and where its searches go, as the attributes say it. */
function addresses(html) {
  const found = [...html.matchAll(/<(?:a|area|link|script|img)\b[^>]*?\s(?:href|src)="([^"]*)"/g)];
  const searches = [...html.matchAll(/<form\b[^>]*?\smethod="get"[^>]*?\saction="([^"]*)"/g)];
  return [...found, ...searches].map(([, address]) => unescaped(address));
}

function unescaped(text) {
  return text.replaceAll(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex || decimal) return String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(decimal));
    return NAMED[name] ?? whole;
  });
}

/** The path with its query, if an address leads to the registry and is to be opened. */
function ofRegistry(url, page, address) {
  let to;
  try {
    to = new URL(address, url + page);
  } catch {
    return [];
  }
  const path = to.pathname + to.search;
  return to.origin === new URL(url).origin && !LEFT_OUT.test(path) ? [path] : [];
}
