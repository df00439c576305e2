// POMs, as far as a package's description, licence and (without module metadata) dependencies need them.

import { Code, Failure, shown } from './failure.mjs';

/** Deepest nesting that is read. */
const MAX_DEPTH = 40;
const MAX_NODES = 50_000;
const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * Reads XML into `{ name, children, text }`. A document type, and with it every entity of its own, is refused.
 */
export function parseXml(what, source) {
  const wrong = (why) => new Failure(Code.SOURCE, `the POM of ${what} cannot be used: ${why}`);
  const root = { name: '', children: [], text: '' };
  const open = [root];
  let nodes = 0;
  const token = /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)([A-Za-z_][\w.:-]*)([^<>]*?)(\/?)>|([^<]+)|</g;
  for (const [all, cdata, closing, name, , empty, text] of source.matchAll(token)) {
    const top = open.at(-1);
    if (all === '<') {
      throw wrong('it is not well-formed XML, or has a document type');
    } else if (cdata !== undefined) {
      top.text += cdata;
    } else if (text !== undefined) {
      top.text += unescape(text);
    } else if (closing) {
      if (open.length === 1 || top.name !== name) throw wrong(`'</${shown(name, 40)}>' closes nothing`);
      open.pop();
    } else if (name !== undefined) {
      nodes += 1;
      if (nodes > MAX_NODES || open.length > MAX_DEPTH) throw wrong('it is too large');
      const node = { name, children: [], text: '' };
      top.children.push(node);
      if (!empty) open.push(node);
    }
  }
  if (open.length !== 1 || root.children.length !== 1) {
    throw wrong('it is not one complete XML document');
  }
  return root.children[0];
}

function unescape(text) {
  return text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]+);/gi, (all, name) => {
    if (!name.startsWith('#')) return ENTITIES[name] ?? all;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}

function child(node, name) {
  return node?.children.find((inner) => inner.name === name);
}

function all(node, ...path) {
  const last = path.pop();
  const at = path.reduce((inner, name) => child(inner, name), node);
  return at?.children.filter((inner) => inner.name === last) ?? [];
}

/**
 * Reads a POM: `{ description, url, scm, licenses: [{ name, url }], dependencies: [{ group, module, wanted, scope }] }`.
 * Texts are what stands there, with white space collapsed and `${project.*}` filled in.
 */
export function parsePom(what, bytes) {
  const project = parseXml(what, bytes.toString('utf8'));
  if (project.name !== 'project') {
    throw new Failure(Code.SOURCE, `the POM of ${what} cannot be used: it is no project`);
  }
  const parent = child(project, 'parent');
  const own = (name) => (child(project, name) ?? child(parent, name))?.text.trim();
  const known = { groupId: own('groupId'), artifactId: own('artifactId'), version: own('version') };
  const text = (node, name) => {
    const raw = child(node, name)?.text.replace(/\s+/g, ' ').trim() ?? '';
    return raw.replace(/\$\{(?:project|pom)\.(groupId|artifactId|version)\}/g, (found, key) => known[key] ?? found);
  };
  const dependency = (node) => ({
    group: text(node, 'groupId'),
    module: text(node, 'artifactId'),
    wanted: text(node, 'version') || null,
    scope: text(node, 'scope') || 'compile',
    isOptional: text(node, 'optional') === 'true',
  });
  return {
    description: text(project, 'description'),
    url: text(project, 'url'),
    scm: text(child(project, 'scm'), 'url'),
    licenses: all(project, 'licenses', 'license').map((node) => ({ name: text(node, 'name'), url: text(node, 'url') })),
    dependencies: all(project, 'dependencies', 'dependency').map(dependency),
    managed: all(project, 'dependencyManagement', 'dependencies', 'dependency').map(dependency),
  };
}

// What POMs call their licences, as SPDX calls them. Patterns are tried in turn.
const LICENSES = [
  [/^(the )?apache(-| )(software )?(license|licence)?,?( version| v\.?)? ?2(\.0)?( license)?$|^apache-2\.0$|^asl 2\.0$/i, 'Apache-2.0'],
  [/^(the )?mit( license| licence)?$|opensource\.org\/licenses?\/mit/i, 'MIT'],
  [/^(the )?(new |modified )?bsd[- ]3[- ]clause.*$|^(new|revised|modified) bsd license$/i, 'BSD-3-Clause'],
  [/^(the )?(simplified )?bsd[- ]2[- ]clause.*$|^simplified bsd license$/i, 'BSD-2-Clause'],
  [/^isc( license)?$/i, 'ISC'],
  [/^(mpl|mozilla public license)[ ,-]*(version )?2\.0$/i, 'MPL-2.0'],
  [/^(epl|eclipse public license)[ ,-]*(version |v )?2\.0$/i, 'EPL-2.0'],
  [/^(the )?unlicense$/i, 'Unlicense'],
  [/^cc0[- ]1\.0.*$/i, 'CC0-1.0'],
];

/** An SPDX expression for the licences of a POM, or null if one of them has no name that is known. */
export function spdx(licenses) {
  const ids = licenses.map(({ name, url }) => {
    const found = LICENSES.find(([pattern]) => pattern.test(name));
    if (found) return found[1];
    return /apache\.org\/licenses\/LICENSE-2\.0/i.test(url) ? 'Apache-2.0' : null;
  });
  if (ids.length === 0 || ids.includes(null)) {
    return null;
  }
  // Maven lists alternatives: its reference says that several licences let the user choose.
  const unique = [...new Set(ids)];
  return unique.length === 1 ? unique[0] : `(${unique.join(' OR ')})`;
}
