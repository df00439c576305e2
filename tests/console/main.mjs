// All tests of the console in a real browser, in one process: they share a registry and a Chromium. scripts/console runs them.
import "./support/setting.mjs";
import "./sessions.mjs";
import "./first-run.mjs";
import "./plain.mjs";
import "./selling.mjs";
import "./hostile.mjs";
import "./downloads.mjs";
import "./pages.mjs";
import "./links.mjs";
import "./kmp.mjs";
