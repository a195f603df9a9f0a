// What the tests of the page share: real servers, a real browser, and an eye on everything that must not happen.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import os from "node:os";
import path from "node:path";

const tools = process.env.PATZE_E2E_TOOLS;
if (!tools) throw new Error("run scripts/test-page, which sets PATZE_E2E_TOOLS");
const require = createRequire(path.join(tools, "x.js"));
export const { chromium } = require("playwright-core");
export const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const PROGRAM = process.env.PATZE_BIN;

export const freePort = () =>
  new Promise((resolve, reject) => {
    const server = net.createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** Polls a real condition until it holds; what it last said is in the fault. */
export async function until(what, holds, seconds = 30) {
  const deadline = Date.now() + seconds * 1000;
  let last;
  for (;;) {
    try {
      last = await holds();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) assert.fail(`${what}: not within ${seconds} s (last: ${last})`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A server of its own: `await Server.start({demo: 7})`, or an empty one. */
export class Server {
  static async start({ demo, env = {}, port, home } = {}) {
    const server = new Server();
    server.home = home ?? fs.mkdtempSync(path.join(os.tmpdir(), "patze-page-"));
    server.port = port ?? (await freePort());
    server.url = `http://127.0.0.1:${server.port}`;
    server.args = demo ? ["demo", "--folder", path.join(server.home, "demo"), "--days", String(demo)] : [];
    server.env = { HOME: server.home, PATZE_SETTINGS_DIR: path.join(server.home, "settings"), HOST: "127.0.0.1", RUST_LOG: "warn", PORT: String(server.port), ...env };
    await server.up();
    return server;
  }

  /** Starts it (again), and waits until it is ready. */
  async up() {
    this.process = spawn(PROGRAM, this.args, { env: this.env, cwd: this.home, stdio: ["ignore", "ignore", "pipe"] });
    this.errors = "";
    this.process.stderr.on("data", (data) => (this.errors += data));
    await until("the server is ready", async () => {
      if (this.process.exitCode !== null) throw new Error(`it ended with ${this.process.exitCode}: ${this.errors}`);
      return [200, 401].includes((await fetch(`${this.url}/readyz`)).status);
    }, 120);
  }

  async down(signal = "SIGTERM") {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill(signal);
    await ended;
  }

  async stop() {
    await this.down();
    fs.rmSync(this.home, { recursive: true, force: true });
  }

  async get(route, token) {
    const answer = await fetch(this.url + route, { headers: token ? { authorization: `Bearer ${token}` } : {} });
    assert.equal(answer.status, 200, `${route}: ${answer.status}`);
    return answer.json();
  }

  async ingest(...events) {
    const answer = await fetch(`${this.url}/ingest/batch`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ events }),
    });
    const told = await answer.json();
    assert.equal(told.acceptedCount, events.length, JSON.stringify(told.rejected));
  }
}

let serial = 0;
/** An event of a machine; times are now unless they are told. */
export function event(machineId, type, payload, more = {}) {
  serial += 1;
  return {
    version: "telemetry.v1", id: `e2e-${serial}`, ts: new Date().toISOString(), machineId, severity: "info", type,
    trace: { traceId: `t${serial}` }, payload: { machineId, ...payload }, ...more,
  };
}

export const registered = (id, name = id) =>
  event(id, "machine.registered", { name, kind: "local", status: "online", registeredAt: new Date().toISOString() });
export const heartbeat = (id, resource = {}) =>
  event(id, "machine.heartbeat", { status: "online", resource: { cpuPct: 12, memoryBytes: 1e9, memoryPct: 40, ...resource } });
export const session = (id, sessionId, agentId = "scribe", more = {}) =>
  event(id, "session.state.changed", { sessionId, agentId, from: "created", to: "running", ...more });

/** A browser. */
export function browser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** A page of a server, which fails a test by whatever goes wrong in it: `page.faults` must be empty at the end. */
export async function open(context, url, hash = "#/overview") {
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.faults = [];
  // A test's own server may end before its page: what then cannot be fetched is no fault of the page.
  page.expected = [/ERR_CONNECTION_REFUSED/, /ERR_INCOMPLETE_CHUNKED_ENCODING/, /ERR_EMPTY_RESPONSE/, /ERR_CONNECTION_RESET/];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() === "error" && !page.expected.some((expected) => expected.test(text))) page.faults.push(text);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url())) page.faults.push(`asks elsewhere: ${request.url()}`);
  });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
  });
  await page.goto(url + "/" + hash, { waitUntil: "load" });
  await page.waitForSelector("#title");
  return page;
}

export const text = (page, selector) => page.locator(selector).first().innerText();

/** The position that the page has folded. */
export async function position(page) {
  return Number((await text(page, ".rail-number")).replace(/[#,]/g, ""));
}
