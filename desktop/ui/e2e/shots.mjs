// Pictures of every view and state with the demo fleet: node shots.mjs FOLDER (scripts/shots calls it).
import fs from "node:fs";
import path from "node:path";
import { Server, browser, open, text, until } from "./harness.mjs";

const folder = process.argv[2];
fs.mkdirSync(folder, { recursive: true });
const VIEWS = ["overview", "machines", "agents", "sessions", "runs", "logs", "tasks", "channels", "connections", "settings"];
const SIZES = { wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const chrome = await browser();
const demo = await Server.start({ demo: 30 });
const empty = await Server.start();
const shot = async (page, name) => {
  await until("drawn", async () => (await page.locator(".skeleton").count()) === 0, 15).catch(() => {});
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
  console.log(name);
};
try {
  const snapshot = await demo.get("/snapshot");
  const failed = snapshot.runs.find((run) => run.state === "failed");
  const at = new Date(Date.now() - 2.7 * 3600e3).toISOString();
  const places = {
    ...Object.fromEntries(VIEWS.map((view) => [view, `#/${view}`])),
    "runs-opened": `#/runs/${failed.machineId}/${failed.id}`,
    "logs-search": "#/logs?q=failed",
    "past-overview": `#/overview?at=${at}`,
    "past-runs": `#/runs?at=${at}`,
  };
  for (const scheme of ["light", "dark"]) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      const context = await chrome.newContext({ viewport, colorScheme: scheme, reducedMotion: "reduce" });
      const page = await open(context, demo.url);
      await until("live", async () => (await text(page, ".rail-word")) === "Live");
      for (const [name, hash] of Object.entries(places)) {
        await page.goto(`${demo.url}/${hash}`);
        await until(name, async () => (await page.getAttribute("html", "data-time")) === (hash.includes("at=") ? "past" : "live"));
        await page.waitForTimeout(700);
        await shot(page, `${name}-${scheme}-${size}`);
      }
      await page.goto(`${demo.url}/#/runs`);
      await page.keyboard.press("Control+k");
      await page.keyboard.type("sc");
      await shot(page, `palette-${scheme}-${size}`);
      await page.keyboard.press("Escape");
      await page.keyboard.press("?");
      await shot(page, `keys-${scheme}-${size}`);
      const first = await open(context, empty.url);
      await until("first", async () => (await first.locator("main").innerText()).includes("Nothing has happened yet."));
      await shot(first, `first-minute-${scheme}-${size}`);
      await context.close();
    }
  }
  const context = await chrome.newContext({ viewport: SIZES.wide, reducedMotion: "reduce" });
  const page = await open(context, demo.url);
  await until("live", async () => (await text(page, ".rail-word")) === "Live");
  await demo.down("SIGKILL");
  await until("offline", async () => (await text(page, ".rail-word")) === "Offline");
  await shot(page, "offline-light-wide");
} finally {
  await chrome.close();
  await demo.stop();
  await empty.stop();
}
