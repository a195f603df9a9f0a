// The page against real servers in a real browser (scripts/test-page runs it).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Server, browser, event, heartbeat, open, position, registered, session, text, until, axe } from "./harness.mjs";

const VIEWS = ["overview", "machines", "agents", "sessions", "runs", "logs", "tasks", "channels", "connections", "settings"];
let chrome, demo;

before(async () => {
  [chrome, demo] = await Promise.all([browser(), Server.start({ demo: 7 })]);
});
after(async () => {
  await chrome?.close();
  await demo?.stop();
});

/** A context of its own, closed after; `faults` of all its pages must be empty. */
async function fresh(work, options = {}) {
  const context = await chrome.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const pages = [];
  context.on("page", (page) => pages.push(page));
  try {
    await work(context);
    for (const page of pages) assert.deepEqual(page.faults ?? [], []);
  } finally {
    await context.close();
  }
}

const live = (page) => until("the page is live", async () => (await text(page, ".rail-word")) === "Live");

test("every view is drawn without a fault, and asks nobody else", () =>
  fresh(async (context) => {
    const page = await open(context, demo.url);
    await live(page);
    for (const view of VIEWS) {
      await page.goto(`${demo.url}/#/${view}`);
      await until(view, async () => (await text(page, "#title")).toLowerCase() === view);
      await until(`${view} shows something`, async () => (await page.locator("main").innerText()).trim().length > 10);
    }
  }));

test("the verdict and the navigation say what the state says", () =>
  fresh(async (context) => {
    const page = await open(context, demo.url);
    await live(page);
    const snapshot = await demo.get("/snapshot");
    const down = snapshot.machines.filter((machine) => machine.status === "offline" && !machine.paused).length;
    await until("machines", async () => (await text(page, ".verdict p")).startsWith(`${snapshot.machines.length} machines, ${snapshot.agents.length} agents`));
    const verdict = await text(page, ".verdict h2");
    assert.equal(/down/.test(verdict), down > 0, verdict);
    assert.equal(await page.locator(".fleet .cell").count(), snapshot.machines.length);
    for (const machine of snapshot.machines) assert.ok((await page.locator(".fleet").innerText()).includes(machine.name));
  }));

test("an event is drawn without a reload, and once after the server was killed", () =>
  fresh(async (context) => {
    const server = await Server.start();
    try {
      const page = await open(context, server.url);
      page.expected.push(/ERR_/, /Failed to fetch/);
      await until("first minute", async () => (await page.locator("main").innerText()).includes("Nothing has happened yet."));
      await server.ingest(registered("m1", "larch"), heartbeat("m1"), session("m1", "s1"));
      await until("the machine", async () => (await page.locator(".fleet").innerText()).includes("larch"));
      const usage = (n) => event("m1", "run.model.usage", { runId: "r1", sessionId: "s1", agentId: "scribe", provider: "p", model: "x", inputTokens: n, outputTokens: 0, totalTokens: n });
      await server.ingest(event("m1", "run.state.changed", { runId: "r1", sessionId: "s1", agentId: "scribe", from: "created", to: "running" }), usage(100));
      await until("tokens", async () => (await page.locator(".running-row").innerText()).includes("100"));
      await page.evaluate(() => (window.sameDocument = true));
      await server.down("SIGKILL");
      await until("offline", async () => (await text(page, ".rail-word")) === "Offline");
      assert.ok((await page.locator(".fleet").innerText()).includes("larch"), "what was known stays");
      await server.up();
      await server.ingest(usage(11));
      await until("tokens once", async () => (await page.locator(".running-row").innerText()).includes("111"));
      await live(page);
      assert.equal(await page.evaluate(() => window.sameDocument), true, "the page was loaded anew");
      const state = await server.get("/state");
      await until("the same position", async () => (await position(page)) >= state.position);
    } finally {
      await server.stop();
    }
  }));

test("a past moment is shown on paper, read-only, and left by one key", () =>
  fresh(async (context) => {
    const at = new Date(Date.now() - 26 * 3600e3).toISOString();
    const then = await demo.get(`/state?at=${at}`);
    const page = await open(context, demo.url, `#/overview?at=${at}`);
    await until("past", async () => (await text(page, ".rail-word")) === "Past");
    await until("the position of then", async () => (await position(page)) === then.position);
    assert.equal(await page.getAttribute("html", "data-time"), "past");
    await page.keyboard.press(".");
    await live(page);
    assert.equal(await page.getAttribute("html", "data-time"), "live");
    await page.keyboard.press("Shift+ArrowLeft");
    await until("a minute back", async () => (await text(page, ".rail-word")) === "Past");
    await page.keyboard.press(".");
    await live(page);
  }));

test("the keyboard alone goes everywhere", () =>
  fresh(async (context) => {
    const page = await open(context, demo.url);
    await live(page);
    for (const [key, view] of [["m", "Machines"], ["r", "Runs"], ["l", "Logs"], [",", "Settings"], ["o", "Overview"]]) {
      await page.keyboard.press("g");
      await page.keyboard.press(key);
      await until(view, async () => (await text(page, "#title")) === view);
    }
    await page.keyboard.press("Control+k");
    await page.locator(".palette input").fill("go to agents");
    await page.keyboard.press("Enter");
    await until("Agents", async () => (await text(page, "#title")) === "Agents");
    await page.keyboard.press("?");
    await page.waitForSelector(".dialog");
    await page.keyboard.press("Escape");
    await until("closed", async () => (await page.locator(".dialog").count()) === 0);
    await page.keyboard.press("@");
    await page.locator(".palette input").fill("yesterday 12:00");
    await page.keyboard.press("Enter");
    await until("past", async () => (await text(page, ".rail-word")) === "Past");
  }));

test("a server that asks for a token gets it; a wrong one is said to be wrong", () =>
  fresh(async (context) => {
    const token = "correct-horse-battery";
    const server = await Server.start({ env: { TELEMETRY_AUTH_MODE: "token", TELEMETRY_AUTH_TOKEN: token } });
    try {
      const page = await open(context, server.url);
      page.expected.push(/401/);
      page.faults.length = 0;
      await page.locator("#token").fill("wrong-horse-battery");
      await page.keyboard.press("Enter");
      await page.waitForSelector(".unlock .fault");
      await page.locator("#token").fill(token);
      await page.keyboard.press("Enter");
      await until("open", async () => (await text(page, ".rail-word")) === "Waiting" || (await text(page, ".rail-word")) === "Live");
      const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
      assert.ok(!kept.includes(token), "the token is kept though nobody ticked that");
    } finally {
      await server.stop();
    }
  }));

test("a server that is away at the start is waited for", () =>
  fresh(async (context) => {
    const server = await Server.start();
    try {
      const page = await open(context, server.url);
      page.expected.push(/ERR_/, /Failed to fetch/);
      await server.down("SIGKILL");
      await until("offline", async () => (await text(page, ".rail-word")) === "Offline");
      await server.up();
      await until("back", async () => ["Waiting", "Live"].includes(await text(page, ".rail-word")));
    } finally {
      await server.stop();
    }
  }));

test("eight tabs are live at once", () =>
  fresh(async (context) => {
    const server = await Server.start();
    try {
      const pages = [];
      for (let i = 0; i < 8; i += 1) pages.push(await open(context, server.url));
      await server.ingest(registered("m1", "larch"), heartbeat("m1"));
      // Browsers open six connections a host: those that are hidden give theirs back, and get it again when they are shown.
      for (const page of pages) {
        await page.bringToFront();
        await until("the machine", async () => (await page.locator("main").innerText()).includes("larch"), 60);
      }
    } finally {
      await server.stop();
    }
  }));

test("hostile names are text, and break no layout", () =>
  fresh(async (context) => {
    const server = await Server.start();
    try {
      const hostile = `<img src=x onerror="window.hacked=1"><b>bold</b>`;
      const rtl = "\u202e‮שלום";
      const long = "w".repeat(10_000);
      await server.ingest(
        registered("m1", hostile), heartbeat("m1"), registered("m2", rtl + " machine"), heartbeat("m2"), registered("m3", long), heartbeat("m3"),
        session("m1", "s1", hostile), event("m1", "run.state.changed", { runId: "r1", sessionId: "s1", agentId: hostile, from: "created", to: "running" }),
        event("m1", "run.log.emitted", { runId: "r1", sessionId: "s1", logEntryId: "l1", level: "error", message: hostile + long, ts: new Date().toISOString() }),
        event("m1", "channel.state.nobody.knows", { anything: [hostile] }),
      );
      const page = await open(context, server.url);
      for (const view of VIEWS) {
        await page.goto(`${server.url}/#/${view}`);
        await until(view, async () => (await text(page, "#title")).toLowerCase() === view);
        await until("something", async () => (await page.locator("main").innerText()).trim().length > 10);
        const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(wide <= room, `${view} is ${wide} wide in a window of ${room}`);
        const [sheet, has] = await page.evaluate(() => { const m = document.querySelector("main"); return [m.scrollWidth, m.clientWidth]; });
        assert.ok(sheet <= has + 1, `${view}: the sheet is ${sheet} wide and has ${has}`);
        assert.equal(await page.locator("main img").count(), 0, view);
      }
      assert.equal(await page.evaluate(() => window.hacked), undefined);
    } finally {
      await server.stop();
    }
  }));

test("axe finds nothing serious in any view, in the four colour sets", () =>
  fresh(async (context) => {
    const page = await open(context, demo.url);
    await live(page);
    const found = [];
    const at = new Date(Date.now() - 26 * 3600e3).toISOString();
    for (const scheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      for (const query of ["", `?at=${at}`]) {
        for (const view of VIEWS) {
          await page.goto(`${demo.url}/#/${view}${query}`);
          await until(view, async () => (await text(page, "#title")).toLowerCase() === view);
          await until("its time", async () => (await page.getAttribute("html", "data-time")) === (query ? "past" : "live"));
          await until("drawn", async () => (await page.locator(".skeleton").count()) === 0 || (await page.locator("main").innerText()).length > 200);
          // Playwright evaluates outside of the page's policy.
          await page.evaluate(axe);
          const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
          for (const violation of result.violations.filter((v) => ["serious", "critical"].includes(v.impact))) {
            found.push(`${view} ${scheme}${query ? " past" : ""}: ${violation.id} ${violation.nodes.slice(0, 3).map((node) => node.target.join(" ") + " " + (node.any[0]?.message ?? "")).join(" | ")}`);
          }
        }
      }
    }
    assert.deepEqual([...new Set(found)], []);
  }));
