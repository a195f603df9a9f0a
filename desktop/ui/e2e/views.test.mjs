// The views against the demo fleet: their figures are those of the server, their filters and acts do what they say.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Server, browser, heartbeat, open, position, registered, text, until } from "./harness.mjs";

let chrome, demo;

before(async () => {
  [chrome, demo] = await Promise.all([browser(), Server.start({ demo: 7 })]);
});
after(async () => {
  await chrome?.close();
  await demo?.stop();
});

async function on(hash, work, server = demo) {
  const context = await chrome.newContext({ viewport: { width: 1440, height: 900 } });
  try {
    const page = await open(context, server.url, hash);
    await until("live or past", async () => ["Live", "Past"].includes(await text(page, ".rail-word")));
    await work(page);
    assert.deepEqual(page.faults, []);
  } finally {
    await context.close();
  }
}

const body = (page) => page.locator("main").innerText();
/** Every white space is one blank: figures and units have narrow ones between them. */
const plain = (words) => words.replace(/\s+/g, " ");

test("Machines: each with the name and the gauges that the server has", () =>
  on("#/machines", async (page) => {
    const { machines } = await demo.get("/snapshot");
    for (const machine of machines) {
      await until(machine.name, async () => (await body(page)).includes(machine.name));
    }
    const disk = Math.round(machines[0].lastResource.diskPct);
    assert.ok(plain(await body(page)).includes(`${disk} %`), "the disk of the first");
  }));

test("Agents: each with its runs, and what all of it cost", () =>
  on("#/agents", async (page) => {
    const { agents } = await demo.get("/snapshot");
    for (const { agentId } of agents) await until(agentId, async () => (await body(page)).includes(agentId));
    assert.ok(plain(await body(page)).includes(`${new Set(agents.map((agent) => agent.agentId)).size} agents`));
  }));

test("Runs: failures are told apart, and one is opened by its address with the reason", () =>
  on("#/runs?state=failed", async (page) => {
    const { runs } = await demo.get("/snapshot");
    const failed = runs.filter((run) => run.state === "failed" && Date.parse(run.createdAt) > Date.now() - 24 * 3600e3);
    await until("the failed ones", async () => (await page.locator("main tbody tr").count()) >= Math.min(failed.length, 1));
    const [run] = runs.filter((one) => one.state === "failed" && one.failureReason);
    await page.goto(`${demo.url}/#/runs/${encodeURIComponent(run.machineId)}/${encodeURIComponent(run.id)}?range=7d`);
    await until("the reason", async () => (await body(page)).includes(run.failureReason));
    await until("the waterfall", async () => (await page.locator("[role=treegrid]").count()) === 1);
  }));

test("Sessions: the counts are those of the server", () =>
  on("#/sessions?state=all", async (page) => {
    const { sessions } = await demo.get("/snapshot");
    const openOnes = sessions.filter((session) => !session.endedAt).length;
    await until("open ones", async () => plain(await page.locator(".header [role=radiogroup]").innerText()).includes(`Open ${openOnes}`));
  }));

test("Logs: a search finds what the server finds, marked, and rubbish is refused in words", () =>
  on("#/logs", async (page) => {
    const found = await demo.get(`/history/logs?q=failed&from=${new Date(Date.now() - 24 * 3600e3).toISOString()}`);
    await page.locator("[data-view-search]").fill("failed");
    if (found.items.length > 0) {
      await until("a hit", async () => (await page.locator("main mark").count()) > 0);
      assert.equal((await page.locator("main mark").first().innerText()).toLowerCase(), "failed");
    }
    page.expected.push(/400/);
    await page.locator("[data-view-search]").fill('"open');
    await page.waitForSelector("#search-fault");
    assert.match(new URL(page.url()).hash, /q=/);
  }));

test("a replay goes on by itself, and ends by a key", () =>
  on(`#/overview?at=${new Date(Date.now() - 3 * 3600e3).toISOString()}`, async (page) => {
    await until("past", async () => (await text(page, ".rail-word")) === "Past");
    await page.keyboard.press("p");
    await until("replay", async () => plain(await text(page, ".rail-word")).startsWith("Replay"));
    const first = await position(page);
    await until("it moves", async () => (await position(page)) > first);
    await page.keyboard.press(".");
    await until("live", async () => (await text(page, ".rail-word")) === "Live");
  }));

test("a machine is renamed in a dialog, and its token is made and shown once", async () => {
  const server = await Server.start();
  try {
    await server.ingest(registered("m1", "larch"), heartbeat("m1"));
    await on("#/machines/m1", async (page) => {
      await page.getByRole("button", { name: "Rename" }).click();
      await page.locator(".dialog input").fill("spruce");
      await page.locator(".dialog").getByRole("button", { name: "Rename" }).click();
      await until("the new name", async () => (await body(page)).includes("spruce"));
      assert.equal((await server.get("/snapshot")).machines[0].name, "spruce");
      await page.goto(`${server.url}/#/settings/tokens`);
      await page.getByRole("button", { name: "Create" }).first().click();
      await page.locator(".dialog input").first().fill("harbor");
      await page.locator(".dialog").getByRole("button", { name: "Create" }).click();
      await until("the token", async () => /pz_[0-9A-Za-z]+_/.test(await page.locator("body").innerText()));
      assert.equal((await server.get("/settings/tokens")).tokens[0].name, "harbor");
    }, server);
  } finally {
    await server.stop();
  }
});

test("in the past nothing can be changed", () =>
  on(`#/machines?at=${new Date(Date.now() - 26 * 3600e3).toISOString()}`, async (page) => {
    const rename = page.getByRole("button", { name: "Rename" });
    await rename.waitFor();
    assert.equal(await rename.getAttribute("aria-disabled"), "true");
    await rename.click({ force: true });
    assert.equal(await page.locator(".dialog").count(), 0);
  }));
