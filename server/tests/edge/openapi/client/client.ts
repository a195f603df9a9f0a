// Ingests a batch, reads it back from the fleet and from history, and is refused, all by the types of server/openapi.json.

import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Envelope = components["schemas"]["Envelope"];

declare const process: { argv: string[] };

const api = createClient<paths>({ baseUrl: process.argv[2] ?? "" });
const now = new Date().toISOString();

function check(so: boolean, what: string): asserts so {
  if (!so) throw new Error(what);
}

function event(id: string, type: string, payload: Record<string, unknown>): Envelope {
  return { version: "telemetry.v1", id, ts: now, machineId: "generated", severity: "info", type, payload, trace: { traceId: "t1" } };
}

const events = [
  event("e1", "machine.registered", { machineId: "generated", name: "Desk", kind: "local", status: "online", registeredAt: now }),
  event("e2", "run.state.changed", { runId: "r1", sessionId: "s1", agentId: "main", from: "created", to: "running" }),
  event("e3", "run.state.changed", { runId: "r1", sessionId: "s1", agentId: "main", from: "running", to: "failed", reason: "rate limit" }),
  event("e4", "machine.exploded", {}),
];
const { data: batch } = await api.POST("/ingest/batch", { body: { events } });
check(batch?.acceptedCount === 3, `three events are taken: ${JSON.stringify(batch)}`);
check(batch.rejected[0]?.error.code === "invalid_event_type", "the fourth is not");

const { data: snapshot } = await api.GET("/snapshot");
check(snapshot?.machines[0]?.name === "Desk", "the machine is in the fleet");
check(snapshot.runs[0]?.failureReason === "rate limit", "the run is in the fleet");

// History follows the log by itself.
const deadline = Date.now() + 20_000;
for (;;) {
  const { data: page } = await api.GET("/history/runs", { params: { query: { machineId: "generated", state: "failed", limit: 1 } } });
  check(page !== undefined, "runs are listed");
  if (page.position >= snapshot.position) {
    check(page.items[0]?.runId === "r1" && page.items[0].state === "failed", "the run is in history");
    break;
  }
  check(Date.now() < deadline, "history does not follow");
}

const { data: timeline } = await api.GET("/history/runs/{id}/timeline", { params: { path: { id: "r1" } } });
const states = timeline?.steps.flatMap((step) => (step.kind === "state" ? [step.state] : []));
check(states?.at(-1) === "failed", `the run's steps: ${JSON.stringify(timeline)}`);

const { error, response } = await api.GET("/history/runs", { params: { query: { limit: 0 } } });
check(response.status === 400 && error?.error === "invalid_limit", `refused: ${JSON.stringify(error)}`);
check(error.message?.includes("200") === true, "it says what is allowed");

// @ts-expect-error The document says which words a state has.
const { error: odd } = await api.GET("/history/runs", { params: { query: { state: "exploded" } } });
check(odd?.error === "invalid_state", "the program says the same");
