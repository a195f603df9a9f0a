// How fast the page is with 5,000 sessions and 20,000 runs (scripts/bench-page calls it): first content, and what a live event
// costs the main thread, by the browser's own tracing. Numbers are printed, nothing can fail by being slow.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Server, browser, event, heartbeat, open, position, registered, text, until } from "./harness.mjs";

const SESSIONS = 5_000, RUNS = 20_000, EVENTS = 200;
const server = await Server.start();
const chrome = await browser();
const percentile = (values, share) => values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;
try {
  for (let m = 0; m < 20; m += 1) await server.ingest(registered(`m${m}`, `machine ${m}`), heartbeat(`m${m}`));
  const begin = Date.now() - 20 * 3600e3;
  const at = (i, more) => ({ ts: new Date(begin + i * 3_000).toISOString(), ...more });
  const places = (run) => ({ runId: `r${run}`, sessionId: `s${run % SESSIONS}`, agentId: `agent ${run % 40}` });
  let batch = [];
  const flush = async (force) => {
    if (batch.length >= 1_000 || (force && batch.length)) { await server.ingest(...batch); batch = []; }
  };
  for (let s = 0; s < SESSIONS; s += 1) {
    batch.push(event(`m${s % 20}`, "session.state.changed", { sessionId: `s${s}`, agentId: `agent ${s % 40}`, from: "created", to: "running" }, at(s)));
    await flush();
  }
  for (let run = 0; run < RUNS; run += 1) {
    const machine = `m${(run % SESSIONS) % 20}`;
    batch.push(event(machine, "run.state.changed", { ...places(run), from: "created", to: "running" }, at(run)));
    if (run < RUNS - 200) batch.push(event(machine, "run.state.changed", { ...places(run), from: "running", to: run % 50 ? "completed" : "failed" }, at(run + 1)));
    await flush();
  }
  await flush(true);
  const state = await server.get("/state");
  console.log(`sessions ${state.state.sessions.length}, runs ${state.state.runs.length}, position ${state.position}`);
  for (const view of ["overview", "runs", "sessions", "machines", "agents", "logs"]) {
    const context = await chrome.newContext({ viewport: { width: 1440, height: 900 } });
    const began = performance.now();
    const page = await open(context, server.url, `#/${view}`);
    await until("live", async () => (await text(page, ".rail-word")) === "Live");
    await until("content", async () => (await page.locator("main").innerText()).length > 60);
    const first = performance.now() - began;
    const paint = await page.evaluate(() => performance.getEntriesByType("paint").find((entry) => entry.name === "first-contentful-paint")?.startTime ?? 0);
    const trace = path.join(os.tmpdir(), `patze-trace-${process.pid}.json`);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await chrome.startTracing(page, { path: trace, categories: ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"] });
    for (let i = 0; i < EVENTS; i += 1) {
      const run = RUNS - 1 - (i % 200);
      await server.ingest(event(`m${(run % SESSIONS) % 20}`, "run.model.usage", { ...places(run), provider: "p", model: "x", inputTokens: 10, outputTokens: 1, totalTokens: 11 }));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const head = (await server.get("/state")).position;
    await until("all seen", async () => (await position(page)) >= head);
    await chrome.stopTracing();
    const { traceEvents } = JSON.parse(fs.readFileSync(trace, "utf8"));
    fs.rmSync(trace);
    const mains = new Set(traceEvents.filter((e) => e.name === "thread_name" && e.args.name === "CrRendererMain").map((e) => `${e.pid} ${e.tid}`));
    const tasks = traceEvents.filter((e) => e.ph === "X" && e.name === "RunTask" && mains.has(`${e.pid} ${e.tid}`)).map((e) => [e.ts / 1000, e.dur / 1000]).sort((a, b) => a[0] - b[0]);
    const longest = Math.max(0, ...tasks.map(([, took]) => took));
    // What the main thread did in each stretch of 50 ms: one event, its answer and its drawing.
    const windows = new Map();
    for (const [start, took] of tasks) { const w = Math.floor(start / 50); windows.set(w, (windows.get(w) ?? 0) + took); }
    const spent = [...windows.values()];
    console.log(`${view.padEnd(9)} first paint ${paint.toFixed(0)} ms, all there ${first.toFixed(0)} ms; per event: p50 ${percentile(spent, 0.5).toFixed(1)}, p99 ${percentile(spent, 0.99).toFixed(1)} ms; longest task ${longest.toFixed(1)} ms`);
    await context.close();
  }
} finally {
  await chrome.close();
  await server.stop();
}
