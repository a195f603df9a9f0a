//! When exactly a gap began and ended, to the minute: buckets of a long time are too coarse to tell, so the two at its edges
//! are asked for once more; and whether the control plane itself heard of anybody meanwhile.

use std::collections::HashMap;
use std::rc::Rc;

use patze_core::history::{Answer, Density, Series};
use patze_core::ids::MachineId;
use patze_core::time::{MINUTE, Timestamp};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::known::Gap;
use super::series::path;
use crate::client::ask;
use crate::route::encoded;

/// Gaps whose edges are asked for, the newest first; the others stay as their buckets tell them.
const MOST: usize = 6;

/// A time without heartbeats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Silence {
    /// When it began.
    pub from: Timestamp,
    /// When it ended, or the moment.
    pub to: Timestamp,
    /// It goes on.
    pub ongoing: bool,
    /// For so long nothing at all was written meanwhile: the control plane was off, ms.
    pub server_off: i64,
}

/// What is known of the edges of a gap.
#[derive(Clone, Copy, Default)]
struct Edges {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    server_off: i64,
}

type Key = (MachineId, Option<Timestamp>, Option<Timestamp>);

/// The gaps, each as exactly as is known by now.
#[hook]
pub fn use_edges(machine: &MachineId, bucket: i64, gaps: Rc<Vec<Gap>>) -> Rc<Vec<Silence>> {
    let known = use_mut_ref(HashMap::<Key, Edges>::new);
    let update = use_force_update();
    let asked: Vec<Gap> = gaps.iter().rev().take(MOST).copied().collect();
    {
        let known = Rc::clone(&known);
        let deps = (machine.clone(), asked.iter().map(|gap| (gap.before, gap.after)).collect::<Vec<_>>());
        use_effect_with(deps, move |(machine, _)| {
            let machine = machine.clone();
            spawn_local(async move {
                let mut any = false;
                for gap in asked {
                    let key = (machine.clone(), gap.before, gap.after);
                    if known.borrow().contains_key(&key) {
                        continue;
                    }
                    let edges = edges(&machine, bucket, gap).await;
                    known.borrow_mut().insert(key, edges);
                    any = true;
                }
                if any {
                    update.force_update();
                }
            });
        });
    }
    let known = known.borrow();
    let silence = |gap: &Gap| {
        let edges = known.get(&(machine.clone(), gap.before, gap.after)).copied().unwrap_or_default();
        let (from, to) = (edges.from.unwrap_or(gap.from), edges.to.unwrap_or(gap.to));
        Silence { from: from.min(to), to, ongoing: gap.after.is_none(), server_off: edges.server_off }
    };
    Rc::new(gaps.iter().map(silence).collect())
}

async fn edges(machine: &MachineId, bucket: i64, gap: Gap) -> Edges {
    let mut edges = Edges::default();
    if let Some(before) = gap.before
        && let Some(series) = fine(machine, before, bucket).await
    {
        edges.from = series.points.last().map(|point| point.start.plus(series.bucket_ms));
    }
    if let Some(after) = gap.after
        && let Some(series) = fine(machine, after, bucket).await
    {
        edges.to = series.points.first().map(|point| point.start);
    }
    let (from, to) = (edges.from.unwrap_or(gap.from), edges.to.unwrap_or(gap.to));
    let minutes = (to.since(from) / MINUTE).clamp(1, 1_000);
    let asked = format!(
        "/history/density?from={}&to={}&buckets={minutes}",
        encoded(&from.to_string()),
        encoded(&to.to_string())
    );
    if to > from
        && let Ok(density) = ask::get::<Answer<Density>>(&asked).await
    {
        edges.server_off = off(&density.answer, from, to);
    }
    edges
}

/// A bucket again, by minutes.
async fn fine(machine: &MachineId, from: Timestamp, bucket: i64) -> Option<Series> {
    let asked = path(machine, from, from.plus(bucket), bucket / MINUTE);
    ask::get(&asked).await.ok()
}

/// How long nothing at all was written between `from` and `to`. A control plane that runs writes a tick a minute, so that a
/// few minutes without are no sign, and ten are.
fn off(density: &Density, from: Timestamp, to: Timestamp) -> i64 {
    const LEAST: i64 = 10 * MINUTE;
    let within = density.buckets.iter().filter(|bucket| {
        bucket.start >= from.plus(-MINUTE) && bucket.start.plus(density.bucket_ms) <= to.plus(MINUTE)
    });
    let (mut sum, mut run) = (0, 0);
    for empty in within.map(|bucket| bucket.events == 0).chain([false]) {
        if empty {
            run += density.bucket_ms;
        } else {
            sum += if run >= LEAST { run } else { 0 };
            run = 0;
        }
    }
    sum.min(to.since(from).max(0))
}

#[cfg(test)]
mod tests {
    use patze_core::fleet::snapshot::HealthWord;
    use patze_core::history::DensityBucket;

    use super::*;

    #[test]
    fn a_control_plane_that_writes_nothing_was_off() {
        let at = |minute: i64| Timestamp::from_millis(minute * MINUTE);
        let density = |busy: &[i64]| Density {
            from: at(0),
            to: at(30),
            bucket_ms: MINUTE,
            buckets: (0..30)
                .map(|minute| DensityBucket {
                    start: at(minute),
                    events: u64::from(busy.contains(&minute)),
                    failures: 0,
                    worst: HealthWord::Healthy,
                })
                .collect(),
        };
        assert_eq!(off(&density(&[0, 20, 29]), at(0), at(30)), 19 * MINUTE);
        assert_eq!(off(&density(&[0, 5, 10, 15, 20, 25]), at(0), at(30)), 0, "it wrote now and then");
        assert_eq!(off(&density(&[]), at(5), at(25)), 20 * MINUTE);
    }
}
