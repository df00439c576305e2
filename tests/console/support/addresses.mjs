// Where every page of the console is, for a registry that ./things.mjs has filled: paths by the names of their pictures.

/** The pages that people come to first. */
export function mainPages(ids) {
  return {
    discovery: "/",
    "discovery-search": "/?text=greeter",
    dashboard: "/ui",
    "new-repository": "/ui/new",
    repository: "/ui/repos/demo",
    "repository-members": "/ui/repos/demo/members",
    "repository-tokens": "/ui/repos/demo/tokens",
    "repository-upstreams": "/ui/repos/demo/upstreams",
    "repository-settings": "/ui/repos/demo/settings",
    "repository-audit": "/ui/repos/demo/audit",
    "package-npm": PACKAGES.npm,
    "package-npm-old": `${PACKAGES.npm}?version=1.0.0`,
    "package-maven": PACKAGES.maven,
    "package-swift": PACKAGES.swift,
    "package-composer": PACKAGES.composer,
    "package-raw": PACKAGES.raw,
    kmp: "/ui/repos/kotlin/kmp",
    "kmp-watched": `/ui/repos/kotlin/kmp/watched/${ids.watched}`,
    account: "/ui/account",
    "account-tokens": "/ui/account/tokens",
    organisations: "/ui/orgs",
    organisation: "/ui/orgs/acme",
    "organisation-members": "/ui/orgs/acme/members",
    "organisation-tokens": "/ui/orgs/acme/tokens",
    "organisation-settings": "/ui/orgs/acme/settings",
    "organisation-audit": "/ui/orgs/acme/audit",
    selling: "/ui/selling",
    licences: "/ui/selling/licences",
    "selling-licence": `/ui/selling/licences/${ids.licence}`,
    consumers: "/ui/selling/consumers",
    "selling-consumer": `/ui/selling/consumers/${ids.consumer}`,
    artifacts: "/ui/artifacts",
    product: "/ui/artifacts/products/demo-tool",
    entity: `/ui/artifacts/entities/${ids.entity}`,
    health: "/ui/health",
    api: "/ui/api",
  };
}

/** All others: parts of pages, forms, and what asks whether something shall be deleted. `families` are those of the interface. */
export function furtherPages(ids, families) {
  return { ...packageTabs(), ...forms(ids), ...confirmations(ids), ...ofOrganisation(), ...familyPages(families) };
}

/** Whether a page is there for somebody who has not signed in. */
export function isPublic(name) {
  return PUBLIC.includes(name) || /^(package|api)-/.test(name);
}

const PUBLIC = ["discovery", "discovery-search", "repository", "repository-fetched", "health", "api"];

const PACKAGES = {
  npm: "/ui/repos/demo/npm/@demo/greeter",
  maven: "/ui/repos/demo/maven/com.example.demo:core",
  swift: "/ui/repos/demo/swift/demo.Shared",
  composer: "/ui/repos/demo/composer/demo/framework",
  raw: "/ui/repos/demo/raw/tool",
};

const TABS = ["readme", "setup", "versions", "files", "dependencies"];

function packageTabs() {
  const all = Object.entries(PACKAGES).flatMap(([kind, path]) => TABS.map((tab) => [`package-${kind}-${tab}`, `${path}?tab=${tab}`]));
  return Object.fromEntries(all);
}

function forms(ids) {
  return {
    "account-audit": "/ui/account/audit",
    "repository-fetched": "/ui/repos/demo?origin=upstream",
    "repository-upstream": "/ui/repos/demo/upstreams/sources",
    quarantine: "/ui/repos/demo/quarantine/npm/@demo/greeter?version=1.0.0",
    "new-repository-of-organisation": "/ui/new?org=acme",
    "kmp-watch": "/ui/repos/kotlin/kmp/watch",
    "kmp-build": `/ui/repos/kotlin/kmp/builds/${ids.build}`,
    "selling-licence-new": "/ui/selling/licences/new",
    "selling-licence-edit": `/ui/selling/licences/${ids.licence}/edit`,
    "selling-licence-letter": `/ui/selling/licences/${ids.licence}/letter`,
    "selling-consumer-edit": `/ui/selling/consumers/${ids.consumer}/edit`,
    "selling-consumer-fresh": `/ui/selling/consumers/${ids.consumer}/edit?fresh=on`,
    "selling-consumer-letter": `/ui/selling/consumers/${ids.consumer}/letter`,
    "selling-packages": "/ui/selling/packages",
    "selling-package": `/ui/selling/packages/${ids.sold}`,
    "selling-package-composer": `/ui/selling/packages/${ids.numbered}`,
    "product-tokens": "/ui/artifacts/tokens",
    "entity-new": "/ui/artifacts/entities/new",
    "entity-version": `/ui/artifacts/entities/${ids.entity}/versions/${ids.moment}`,
  };
}

function confirmations(ids) {
  return {
    "repository-member-remove": "/ui/repos/demo/members?remove=bea",
    "repository-upstream-delete": "/ui/repos/demo/upstreams/sources/delete",
    "repository-token-revoke": `/ui/repos/demo/tokens?revoke=${ids.repositoryToken}`,
    "account-token-revoke": `/ui/account/tokens?revoke=${ids.accountToken}`,
    "organisation-member-remove": "/ui/orgs/acme/members?remove=carl",
    "organisation-token-revoke": `/ui/orgs/acme/tokens?revoke=${ids.organisationToken}`,
    "kmp-watched-stop": `/ui/repos/kotlin/kmp/watched/${ids.watched}/stop`,
    "kmp-build-delete": `/ui/repos/kotlin/kmp/builds/${ids.build}/delete`,
    "kmp-builds-delete": "/ui/repos/kotlin/kmp/delete-builds",
    "selling-licence-delete": `/ui/selling/licences/${ids.licence}/delete`,
    "selling-consumer-delete": `/ui/selling/consumers/${ids.consumer}/delete`,
    "selling-permission-remove": `/ui/selling/consumers/${ids.consumer}?remove=${ids.permission}`,
    "selling-package-delete": `/ui/selling/packages/${ids.sold}/delete`,
    "product-delete": "/ui/artifacts/products/demo-tool/delete",
    "product-version-delete": "/ui/artifacts/products/demo-tool/delete/v1.0.0",
    "entity-delete": `/ui/artifacts/entities/${ids.entity}/delete`,
    "entity-version-delete": `/ui/artifacts/entities/${ids.entity}/versions/${ids.moment}/delete`,
  };
}

function ofOrganisation() {
  return {
    "organisation-selling": "/ui/selling?org=acme",
    "organisation-licences": "/ui/selling/licences?org=acme",
    "organisation-consumers": "/ui/selling/consumers?org=acme",
    "organisation-artifacts": "/ui/artifacts?org=acme",
  };
}

function familyPages(families) {
  return Object.fromEntries(families.map((name) => [`api-${name}`, `/ui/api/${name}`]));
}
