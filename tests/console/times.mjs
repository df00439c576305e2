// Prints how long the server takes for each page: the median of twenty requests, one after the other. scripts/console --times
import { person, startBrowser, stopBrowser } from "./support/browser.mjs";
import { startServer } from "./support/server.mjs";
import { fill } from "./support/things.mjs";

const REQUESTS = 20;

const registry = await startServer();
try {
  const { pages } = await fill(registry);
  await startBrowser();
  const admin = await person(registry.url);
  await admin.open("/");
  await admin.signIn("admin");
  const cookie = (await admin.context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
  console.log(`${"page".padEnd(24)} ${"median".padStart(9)} ${"slowest".padStart(9)} ${"bytes".padStart(8)}`);
  for (const [name, path] of Object.entries(pages)) {
    const times = [];
    let length = 0;
    let status = 0;
    for (let request = 0; request < REQUESTS; request += 1) {
      const from = performance.now();
      const answer = await fetch(registry.url + path, { headers: { cookie }, redirect: "manual" });
      ({ length } = await answer.text());
      ({ status } = answer);
      times.push(performance.now() - from);
    }
    times.sort((a, b) => a - b);
    const [median, slowest] = [times[REQUESTS / 2], times[REQUESTS - 1]].map((time) => `${time.toFixed(1)} ms`);
    console.log(`${name.padEnd(24)} ${median.padStart(9)} ${slowest.padStart(9)} ${String(length).padStart(8)}${status === 200 ? "" : ` (${status})`}`);
  }
} finally {
  await stopBrowser();
  await registry.stop();
}
