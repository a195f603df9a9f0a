//! Who is in the demo's fleet: five machines, eight agents, what they do, with what and how often.

use patze_core::ids::MachineId;

/// A machine of the demo.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) id: &'static str,
    /// Its name says that it is not real.
    pub(super) name: &'static str,
    /// `local` or `vps` (contract §4.1).
    pub(super) kind: &'static str,
    /// Memory in all, bytes.
    pub(super) memory: f64,
    /// Disk in all, bytes.
    pub(super) disk: f64,
    /// Disk in use at the beginning and now, percent.
    pub(super) disk_pct: [f64; 2],
    /// Busy share of all cores without a run, percent.
    pub(super) cpu_pct: f64,
}

/// An agent of the demo.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) id: &'static str,
    /// Index into [`MACHINES`].
    pub(super) machine: usize,
    pub(super) channel: &'static str,
    pub(super) model: Model,
    /// Runs that begin in an hour of daylight, on average.
    pub(super) hourly: f64,
    /// Of a thousand runs, how many fail.
    pub(super) fails: u64,
    pub(super) tools: &'static [&'static str],
    /// Lines that it logs.
    pub(super) lines: &'static [&'static str],
}

/// A model and what it costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Model {
    pub(super) provider: &'static str,
    pub(super) name: &'static str,
    /// US dollars for a million tokens: input, output. OpenClaw reports 0 for models that it has no price of.
    pub(super) dollars: [f64; 2],
}

const GIB: f64 = (1_u64 << 30) as f64;

pub(super) const OPUS: Model = Model { provider: "anthropic", name: "claude-opus-4-5", dollars: [5.0, 25.0] };
const SONNET: Model = Model { provider: "anthropic", name: "claude-sonnet-4-5", dollars: [3.0, 15.0] };
const HAIKU: Model = Model { provider: "anthropic", name: "claude-haiku-4-5", dollars: [1.0, 5.0] };
const GPT: Model = Model { provider: "openai", name: "gpt-5-mini", dollars: [0.25, 2.0] };
/// A subscription: its calls are reported without a cost, which the demo's `prices.toml` estimates.
const KIMI: Model = Model { provider: "moonshot", name: "kimi-k2", dollars: [0.0, 0.0] };
/// On the machine itself.
const LLAMA: Model = Model { provider: "ollama", name: "llama3.3", dollars: [0.0, 0.0] };

/// Prices of what the cast uses without a reported cost.
pub(super) const PRICES: &str = "\
# Prices of the demo's models whose cost is not reported; docs/operations.md explains the table.
[[price]]
provider = \"moonshot\"
model = \"kimi-k2*\"
input = 0.6
output = 2.5
";

pub(super) const MACBOOK: usize = 0;
pub(super) const NAS: usize = 1;
pub(super) const FRANKFURT: usize = 2;
pub(super) const SINGAPORE: usize = 4;

pub(super) const MACHINES: [Machine; 5] = [
    Machine {
        id: "demo-macbook",
        name: "studio-macbook (demo)",
        kind: "local",
        memory: 36.0 * GIB,
        disk: 994.0 * GIB,
        disk_pct: [61.0, 63.5],
        cpu_pct: 9.0,
    },
    Machine {
        id: "demo-nas",
        name: "basement-nas (demo)",
        kind: "local",
        memory: 8.0 * GIB,
        disk: 7_300.0 * GIB,
        disk_pct: [44.0, 47.0],
        cpu_pct: 6.0,
    },
    Machine {
        id: "demo-frankfurt",
        name: "vps-frankfurt (demo)",
        kind: "vps",
        memory: 4.0 * GIB,
        disk: 80.0 * GIB,
        disk_pct: [58.0, 91.5],
        cpu_pct: 4.0,
    },
    Machine {
        id: "demo-virginia",
        name: "vps-virginia (demo)",
        kind: "vps",
        memory: 4.0 * GIB,
        disk: 80.0 * GIB,
        disk_pct: [37.0, 41.0],
        cpu_pct: 5.0,
    },
    Machine {
        id: "demo-singapore",
        name: "vps-singapore (demo)",
        kind: "vps",
        memory: 2.0 * GIB,
        disk: 40.0 * GIB,
        disk_pct: [52.0, 55.0],
        cpu_pct: 7.0,
    },
];

/// Index into [`AGENTS`] of the one that costs too much since yesterday.
pub(super) const TRADER: usize = 6;
/// Index of the one that hangs.
pub(super) const SCOUT: usize = 5;
/// Index of the one whose run fails just before the demo begins.
pub(super) const SUPPORT: usize = 4;
/// Index of the one that spawns sub-agents.
pub(super) const CODER: usize = 1;

pub(super) const AGENTS: [Agent; 8] = [
    Agent {
        id: "main",
        machine: MACBOOK,
        channel: "telegram",
        model: SONNET,
        hourly: 1.2,
        fails: 15,
        tools: &["web_search", "web_fetch", "calendar", "message"],
        lines: &["3 new messages in the inbox", "calendar is in sync", "reply sent in 2 parts"],
    },
    Agent {
        id: "coder",
        machine: MACBOOK,
        channel: "tui",
        model: OPUS,
        hourly: 0.7,
        fails: 40,
        tools: &["exec", "read", "edit", "write", "grep"],
        lines: &["cargo test: 214 passed", "git worktree is clean", "compaction of the conversation ended"],
    },
    Agent {
        id: "librarian",
        machine: NAS,
        channel: "",
        model: LLAMA,
        hourly: 0.8,
        fails: 10,
        tools: &["read", "memory_search", "exec"],
        lines: &["412 documents are indexed", "embedding cache: 93 % hits"],
    },
    Agent {
        id: "keeper",
        machine: NAS,
        channel: "",
        model: HAIKU,
        hourly: 0.4,
        fails: 30,
        tools: &["exec", "read"],
        lines: &["snapshot of the volume is done", "2.1 GB were copied off site"],
    },
    Agent {
        id: "support",
        machine: FRANKFURT,
        channel: "slack",
        model: SONNET,
        hourly: 1.6,
        fails: 25,
        tools: &["memory_search", "web_fetch", "message", "exec"],
        lines: &["ticket is answered", "handed over to a person", "customer is asked for the invoice number"],
    },
    Agent {
        id: "scout",
        machine: FRANKFURT,
        channel: "discord",
        model: KIMI,
        hourly: 0.9,
        fails: 35,
        tools: &["web_search", "web_fetch", "browser"],
        lines: &["7 sources were read", "page asks for a login, skipped"],
    },
    Agent {
        id: "trader",
        machine: 3,
        channel: "telegram",
        model: GPT,
        hourly: 1.1,
        fails: 20,
        tools: &["exec", "web_fetch", "message"],
        lines: &["portfolio is within its limits", "quotes are 2 s old"],
    },
    Agent {
        id: "writer",
        machine: SINGAPORE,
        channel: "whatsapp",
        model: HAIKU,
        hourly: 0.6,
        fails: 15,
        tools: &["read", "write", "web_search"],
        lines: &["draft 2 is saved", "1,240 words"],
    },
];

impl Agent {
    pub(super) fn machine(&self) -> MachineId {
        MachineId::new(MACHINES[self.machine].id)
    }
}
