//! The spine, measured: everything from a `POST` to what is shown, in one run (design §14). `docs/benchmarks.md` says what
//! each figure means.
//!
//! `scripts/bench [--quick] [--only NAME]… [--events N] [--days N] [--beat SECONDS] [--retain HOURS] [--keep FOLDER]`
//!
//! Nothing is asserted about time: it measures, prints each goal beside its figure, and ends with 0. What it does assert is
//! that the work it timed was really done. Machines differ, so goals are ratios or percentiles of the same run; two things
//! that are compared are measured in turns, so that a busy machine is busy for both.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark stops where it cannot go on")]
#![allow(clippy::cast_precision_loss, reason = "figures are printed with three digits")]

mod curve;
mod events;
mod fanout;
mod filled;
mod frame;
mod history;
mod http;
mod ingest;
mod memory;
mod meter;
mod paced;
mod past;
mod pause;
mod process;
mod raw;
mod reader;
mod ready;
mod rebuild;
mod report;
mod search;
mod snapshot;
mod year;

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use patze_supervise::clock::Clock;

use filled::Filled;
use report::Report;

/// Measures the spine: ingest, cost per event, rebuild, start, snapshot, stream, memory
#[derive(clap::Parser)]
#[command(name = "scripts/bench")]
struct Arguments {
    /// Small sizes, for a look within a minute or two
    #[arg(long)]
    quick: bool,
    /// Only these measurements: ingest, curve, rebuild, ready, snapshot, frame, fanout, memory, reader, pause,
    /// history, past, search (of ten million lines) and year (which takes hours): these two only when they are named
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Events in the log that rebuild, ready, memory, pause and past use [default: 1000000, or 100000 with --quick]
    #[arg(long, value_name = "N")]
    events: Option<usize>,
    /// Days that `year` simulates [default: 365, or 14 with --quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=365))]
    days: Option<u32>,
    /// Seconds between two heartbeats of a machine in `year`
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    beat: u32,
    /// Hours between two runs of retention in `year`
    #[arg(long, value_name = "HOURS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=24))]
    retain: u32,
    /// The folder for the databases, which are then kept [default: a temporary one]
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// What cargo adds
    #[arg(long, hide = true)]
    bench: bool,
}

/// What measurements share.
pub struct Bench {
    clock: Clock,
    dir: PathBuf,
    quick: bool,
    events: usize,
    days: u32,
    beat: u32,
    retain: u32,
    /// The databases are kept.
    kept: bool,
    filled: OnceCell<Filled>,
}

impl Bench {
    /// `full`, or `quick` with `--quick`.
    fn size<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// An empty folder of this name.
    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.dir.join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// A closed log of `--events` events with checkpoints, made at its first use.
    fn filled(&self) -> &Filled {
        self.filled.get_or_init(|| Filled::new(self))
    }
}

/// Take long, and some GB: measured only when they are named.
const ONLY_NAMED: [&str; 2] = ["search", "year"];

type Measurement = fn(&Bench, &mut Report);

const MEASUREMENTS: [(&str, Measurement); 14] = [
    ("ingest", ingest::measure),
    ("curve", curve::measure),
    ("rebuild", rebuild::measure),
    ("ready", ready::measure),
    ("snapshot", snapshot::measure),
    ("frame", frame::measure),
    ("fanout", fanout::measure),
    ("memory", memory::measure),
    ("reader", reader::measure),
    ("pause", pause::measure),
    ("history", history::measure),
    ("past", past::measure),
    ("search", search::measure),
    ("year", year::measure),
];

fn main() {
    let arguments = Arguments::parse();
    for name in &arguments.only {
        let known = MEASUREMENTS.iter().any(|(known, _)| known == name);
        assert!(known, "there is no measurement {name}; see scripts/bench --help");
    }
    process::raise_open_files();
    let temporary = tempfile::tempdir().unwrap();
    let dir = arguments.keep.as_deref().unwrap_or_else(|| Path::new(temporary.path())).to_owned();
    let events = arguments.events.unwrap_or(if arguments.quick { 100_000 } else { 1_000_000 });
    let bench = Bench {
        clock: Clock::system(),
        dir,
        quick: arguments.quick,
        events: events.next_multiple_of(events::BATCH),
        days: arguments.days.unwrap_or(if arguments.quick { 14 } else { 365 }),
        beat: arguments.beat,
        retain: arguments.retain,
        kept: arguments.keep.is_some(),
        filled: OnceCell::new(),
    };
    let mut report = Report::default();
    for (name, measure) in MEASUREMENTS {
        let named = arguments.only.iter().any(|only| only == name);
        if named || arguments.only.is_empty() && !ONLY_NAMED.contains(&name) {
            eprintln!("measuring {name}…");
            report.begin(name);
            measure(&bench, &mut report);
        }
    }
    println!("{report}");
}
