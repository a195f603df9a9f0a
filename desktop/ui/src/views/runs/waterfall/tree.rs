//! The lines of a waterfall: a run, its steps in order, and under a sub-agent the steps of its own run, if they are known.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use patze_core::fleet::lifecycle::LifeState;
use patze_core::fleet::rows::RunKey;
use patze_core::history::{RunItem, Step, Timeline, What};
use patze_core::time::Timestamp;

use super::super::entry::Entry;
use super::words;

/// Sub-agents whose steps are shown without being asked for.
const OPEN_AT_FIRST: usize = 6;
/// Between two steps there is always some moment: one shorter than this, ms, and than this share of the run, is no line.
const MOMENT: f64 = 1_000.0;
const SHARE: f64 = 0.02;
/// Sub-agents of sub-agents are shown to this depth.
const DEEPEST: usize = 5;

/// The steps of sub-agents' runs.
pub type Branches = BTreeMap<RunKey, Rc<Timeline>>;

/// What a line shows, which decides how its bar is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The run itself.
    Run,
    /// A call of a model.
    Model,
    /// A call of a tool.
    Tool,
    /// Nothing that is known of went on.
    Wait,
    /// A run that this one waited for.
    SubAgent,
    /// An error in its log.
    Error,
    /// A span of its trace.
    Span,
}

/// When a step ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Then.
    At(Timestamp),
    /// It goes on.
    GoesOn,
    /// Its run is over, and its end was never told.
    Unknown,
}

/// A line of the waterfall.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// Tells it from the others, also when there are more of them.
    pub id: String,
    /// 0 is the run itself.
    pub level: usize,
    /// For each level above, whether its guide goes on past this line.
    pub guides: Vec<bool>,
    /// It is the last one of its level.
    pub last: bool,
    /// What it shows.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What is said beside it.
    pub detail: String,
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: End,
    /// How long it took, ms.
    pub took: Option<i64>,
    /// Tokens, if it used any.
    pub tokens: Option<u64>,
    /// What they cost.
    pub cost: Option<String>,
    /// It failed, and why.
    pub error: Option<String>,
    /// What more is known of it.
    pub facts: Vec<String>,
    /// It has lines under it, and whether they are shown.
    pub open: Option<bool>,
    /// The run that a sub-agent's line stands for.
    pub run: Option<RunKey>,
    /// The place in the log of an error's line.
    pub position: Option<u64>,
}

/// What the lines are made of.
pub struct Whole<'a> {
    /// The run, as it is known now.
    pub entry: &'a Entry,
    /// The lane that it runs in.
    pub lane: &'a str,
    /// Its steps.
    pub timeline: &'a Timeline,
    /// Those of its sub-agents.
    pub branches: &'a Branches,
    /// Which lines were opened or closed by hand.
    pub toggled: &'a BTreeMap<String, bool>,
}

impl Whole<'_> {
    /// All lines that are shown.
    pub fn lines(&self) -> Vec<Line> {
        self.walk().lines
    }

    /// The sub-agents' runs whose steps are to be shown; each with what tells that it has changed.
    pub fn wanted(&self) -> Vec<(RunKey, String)> {
        self.walk().wanted
    }

    fn walk(&self) -> Walk<'_> {
        let mut walk = Walk { whole: self, lines: Vec::new(), wanted: Vec::new(), guides: Vec::new() };
        let mut root = words::run(self.entry);
        let open = self.toggled.get(&root.id).copied().unwrap_or(true);
        root.open = Some(open);
        walk.lines.push(root);
        if open {
            walk.steps(self.timeline, "", self.entry.is_active());
        }
        walk
    }
}

struct Walk<'a> {
    whole: &'a Whole<'a>,
    lines: Vec<Line>,
    wanted: Vec<(RunKey, String)>,
    guides: Vec<bool>,
}

/// A step with the spans that are part of it.
struct Node<'a> {
    id: String,
    step: &'a Step,
    parts: Vec<Node<'a>>,
}

impl Walk<'_> {
    /// The steps of a run, one level under what was pushed last.
    fn steps(&mut self, timeline: &Timeline, prefix: &str, goes_on: bool) {
        self.nodes(nodes(timeline, prefix), goes_on);
    }

    fn nodes(&mut self, nodes: Vec<Node<'_>>, goes_on: bool) {
        let n = nodes.len();
        for (i, node) in nodes.into_iter().enumerate() {
            let last = i + 1 == n;
            let mut line = words::step(node.step, self.whole.lane, goes_on);
            (line.level, line.last) = (self.guides.len() + 1, last);
            line.guides.clone_from(&self.guides);
            line.id.clone_from(&node.id);
            let sub = match &node.step.what {
                What::SubAgent { run } if self.guides.len() < DEEPEST => Some(run),
                _ => None,
            };
            if sub.is_none() && node.parts.is_empty() {
                self.lines.push(line);
                continue;
            }
            let before = self.wanted.len();
            let open = self.whole.toggled.get(&line.id).copied().unwrap_or(before < OPEN_AT_FIRST);
            line.open = Some(open);
            self.lines.push(line);
            if !open {
                continue;
            }
            self.guides.push(!last);
            if let Some(run) = sub {
                let key = (run.machine_id.clone(), run.run_id.clone());
                let known = self.whole.branches.get(&key);
                self.wanted.push((key, stamp(run)));
                if let Some(timeline) = known {
                    self.steps(timeline, &format!("{}/", node.id), goes_on && run.ended_at.is_none());
                }
            } else {
                self.nodes(node.parts, goes_on);
            }
            self.guides.pop();
        }
    }
}

/// What changes whenever a run does.
fn stamp(run: &RunItem) -> String {
    format!("{} {} {} {}", run.updated_at, run.usage.calls, run.tool_calls, run.state.name())
}

/// The steps that have lines, with spans under the spans that they are part of.
fn nodes<'a>(timeline: &'a Timeline, prefix: &str) -> Vec<Node<'a>> {
    let span_ids: BTreeSet<&str> = timeline.steps.iter().filter_map(|step| span_id(step)).collect();
    let mut parts: HashMap<&str, Vec<&'a Step>> = HashMap::new();
    let mut top = Vec::new();
    let begin = timeline.run.created_at;
    let end = timeline.steps.iter().filter_map(|step| step.end).max().unwrap_or(begin);
    let moment = MOMENT.min(end.since(begin) as f64 * SHARE);
    for step in &timeline.steps {
        match &step.what {
            What::State { .. } => {}
            // Where it waited for its turn is worth a line, however short it was.
            What::Wait { state }
                if *state != LifeState::Queued && step.duration_ms.is_some_and(|ms| ms < moment) => {}
            What::Span { id, parent_span_id: Some(parent), .. }
                if parent != id && span_ids.contains(parent.as_str()) =>
            {
                parts.entry(parent.as_str()).or_default().push(step);
            }
            _ => top.push(step),
        }
    }
    let mut number = Numbers::default();
    let mut nodes: Vec<Node<'a>> =
        top.into_iter().map(|step| node(step, &mut parts, prefix, &mut number)).collect();
    // Spans that are, by mistake, part of each other are part of nothing.
    let mut lost: Vec<&Step> = parts.into_values().flatten().collect();
    lost.sort_by_key(|step| step.start);
    nodes.extend(lost.into_iter().map(|step| node(step, &mut HashMap::new(), prefix, &mut number)));
    nodes
}

/// How many there were of what has no id of its own.
#[derive(Default)]
struct Numbers {
    models: usize,
    waits: usize,
}

fn node<'a>(
    step: &'a Step,
    parts: &mut HashMap<&str, Vec<&'a Step>>,
    prefix: &str,
    number: &mut Numbers,
) -> Node<'a> {
    let id = match &step.what {
        What::ModelCall { .. } => {
            number.models += 1;
            format!("{prefix}model:{}", number.models)
        }
        What::ToolCall { tool_call_id, .. } => format!("{prefix}tool:{tool_call_id}"),
        What::SubAgent { run } => format!("{prefix}run:{}", run.run_id),
        What::Error { position, .. } => format!("{prefix}error:{position}"),
        What::Span { id, .. } => format!("{prefix}span:{id}"),
        What::Wait { .. } | What::State { .. } => {
            number.waits += 1;
            format!("{prefix}wait:{}", number.waits)
        }
    };
    let of_it = span_id(step).and_then(|id| parts.remove(id)).unwrap_or_default();
    let parts = of_it.into_iter().map(|part| node(part, parts, prefix, number)).collect();
    Node { id, step, parts }
}

fn span_id(step: &Step) -> Option<&str> {
    match &step.what {
        What::Span { id, .. } => Some(id.as_str()),
        _ => None,
    }
}

/// The line that somebody wants to see first: what the run ended with, if it failed.
pub fn notable(lines: &[Rc<Line>]) -> Option<&Rc<Line>> {
    let run = lines.first().filter(|run| run.error.is_some())?;
    let steps = lines.iter().filter(|line| matches!(line.kind, Kind::Model | Kind::Tool | Kind::SubAgent));
    let end = |line: &Rc<Line>| match line.end {
        End::At(at) => at,
        End::GoesOn | End::Unknown => Timestamp::MAX,
    };
    steps.max_by_key(|line| end(line)).filter(|line| line.error.is_some()).or(Some(run))
}

#[cfg(test)]
pub(super) mod tests {
    use patze_core::fleet::details::ToolStatus;
    use patze_core::history::Sum;

    use super::super::super::entry::tests::ended;
    use super::super::cut;
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    /// A line of this kind.
    pub(in super::super) fn line(kind: Kind, start: i64, end: End) -> Line {
        Line { kind, start: at(start), end, ..words::run(&ended("r", 0, 100)) }
    }

    fn item(id: &str, began: i64, ended: Option<i64>) -> RunItem {
        let (began, ended) = (at(began), ended.map(at));
        let state = if ended.is_some() { "completed" } else { "running" };
        let text = serde_json::json!({
            "runId": id, "machineId": "m", "agentId": "tally", "state": state, "createdAt": began, "updatedAt": began,
            "endedAt": ended, "lastEventId": "e", "toolCalls": 0, "failedToolCalls": 0, "usage": Sum { calls: 1, total_tokens: 70, ..Sum::default() },
        });
        serde_json::from_value(text).unwrap()
    }

    fn step(start: i64, end: Option<i64>, what: What) -> Step {
        Step { start: at(start), end: end.map(at), duration_ms: end.map(|end| (end - start) as f64), what }
    }

    fn tool(id: &str, error: Option<&str>) -> What {
        What::ToolCall {
            tool_call_id: id.into(),
            tool_name: "exec".into(),
            status: if error.is_some() { ToolStatus::Failed } else { ToolStatus::Completed },
            success: Some(error.is_none()),
            error: error.map(Into::into),
            exit_code: None,
        }
    }

    fn model() -> What {
        What::ModelCall {
            provider: "anthropic".into(),
            model: "opus".into(),
            usage: Sum { calls: 1, ..Sum::default() },
        }
    }

    fn span(id: &str, parent: Option<&str>) -> What {
        What::Span {
            id: id.into(),
            parent_span_id: parent.map(Into::into),
            name: id.into(),
            span_kind: None,
            status: None,
        }
    }

    fn timeline(id: &str, steps: Vec<Step>) -> Timeline {
        Timeline { run: item(id, 0, Some(100)), ambiguous: false, steps, truncated: false }
    }

    fn shown(
        entry: &Entry,
        timeline: &Timeline,
        branches: &Branches,
        toggled: &[(&str, bool)],
    ) -> Vec<String> {
        let toggled = toggled.iter().map(|(id, open)| ((*id).to_owned(), *open)).collect();
        let whole = Whole { entry, lane: "main", timeline, branches, toggled: &toggled };
        let text = |line: &Line| format!("{}{} {}", "  ".repeat(line.level), line.name, line.id);
        whole.lines().iter().map(text).collect()
    }

    #[test]
    fn steps_stand_under_their_run_and_a_sub_agents_under_it() {
        let root = timeline(
            "r",
            vec![
                step(0, Some(5), What::State { state: LifeState::Queued, reason: None }),
                step(0, Some(5), What::Wait { state: LifeState::Queued }),
                step(5, Some(20), model()),
                step(20, Some(60), What::SubAgent { run: Box::new(item("sub", 20, Some(60))) }),
                step(70, Some(80), tool("t", None)),
            ],
        );
        let branches = Branches::from([(
            ("m".into(), "sub".into()),
            Rc::new(timeline("sub", vec![step(25, Some(40), model())])),
        )]);
        let entry = ended("r", 0, 100);
        let all = [
            "Run run",
            "  Waits in lane main wait:1",
            "  opus model:1",
            "  tally run:sub",
            "    opus run:sub/model:1",
            "  exec tool:t",
        ];
        assert_eq!(shown(&entry, &root, &branches, &[]), all);
        assert_eq!(shown(&entry, &root, &Branches::new(), &[]).len(), 5, "its steps are not known yet");
        assert_eq!(shown(&entry, &root, &branches, &[("run:sub", false)]).len(), 5, "closed");
        assert_eq!(shown(&entry, &root, &branches, &[("run", false)]), ["Run run"]);
        let whole = Whole {
            entry: &entry,
            lane: "",
            timeline: &root,
            branches: &branches,
            toggled: &BTreeMap::new(),
        };
        assert_eq!(whole.wanted().len(), 1);
        let lines = whole.lines();
        assert_eq!((&lines[4].guides[..], lines[4].last, lines[5].last), (&[true][..], true, true));
        assert_eq!(lines[1].name, "Waits for its turn");
    }

    #[test]
    fn moments_between_steps_are_no_waits() {
        let wait = |from, to, state| step(from, Some(to), What::Wait { state });
        let of = |steps: Vec<Step>| {
            shown(&ended("r", 0, 100), &timeline("r", steps), &Branches::new(), &[]).len() - 1
        };
        let long = step(0, Some(60_000), model());
        assert_eq!(of(vec![long.clone(), wait(60_000, 60_300, LifeState::Running)]), 1);
        assert_eq!(of(vec![long.clone(), wait(60_000, 61_200, LifeState::Running)]), 2);
        assert_eq!(of(vec![long, wait(60_000, 60_300, LifeState::Queued)]), 2);
        assert_eq!(
            of(vec![step(0, Some(900), model()), wait(900, 1_000, LifeState::WaitingTool)]),
            2,
            "it was a tenth of the run"
        );
    }

    #[test]
    fn spans_stand_under_what_they_are_part_of_even_if_they_tell_nonsense() {
        let steps = vec![
            step(0, Some(9), span("a", None)),
            step(1, Some(8), span("b", Some("a"))),
            step(2, Some(3), span("c", Some("gone"))),
            step(4, Some(5), span("x", Some("y"))),
            step(5, Some(6), span("y", Some("x"))),
            step(6, Some(7), span("z", Some("z"))),
        ];
        let lines = shown(&ended("r", 0, 100), &timeline("r", steps), &Branches::new(), &[]);
        let names: Vec<_> = lines.iter().map(|line| line.trim_end().rsplit_once(' ').unwrap().0).collect();
        assert_eq!(names, ["Run", "  a", "    b", "  c", "  z", "  x", "  y"]);
    }

    #[test]
    fn what_a_run_ended_with_is_what_somebody_wants_to_see() {
        let failed =
            Entry { state: LifeState::Failed, reason: Some("rate limit".into()), ..ended("r", 0, 100) };
        let of = |entry: &Entry, steps: Vec<Step>| {
            let (timeline, none) = (timeline("r", steps), BTreeMap::new());
            let whole =
                Whole { entry, lane: "", timeline: &timeline, branches: &Branches::new(), toggled: &none };
            let lines: Vec<_> = whole.lines().into_iter().map(Rc::new).collect();
            notable(&lines).map(|line| (line.id.clone(), line.error.clone().unwrap_or_default()))
        };
        let broken = || step(80, Some(95), tool("t", Some("timed out")));
        assert_eq!(
            of(&failed, vec![step(5, Some(20), model()), broken()]),
            Some(("tool:t".to_owned(), "timed out".to_owned()))
        );
        assert_eq!(
            of(&failed, vec![broken(), step(95, Some(99), model())]),
            Some(("run".to_owned(), "rate limit".to_owned()))
        );
        assert_eq!(of(&ended("r", 0, 100), vec![broken()]), None);
    }

    #[test]
    fn at_a_moment_what_had_not_ended_goes_on() {
        let root = timeline(
            "r",
            vec![
                step(0, Some(20), model()),
                step(20, Some(60), tool("t", Some("no"))),
                step(61, Some(80), model()),
            ],
        );
        let then = cut::until(&root, at(40));
        assert!(then.run.ended_at.is_none() && then.run.usage.calls == 0);
        let lines = shown(
            &Entry { ended: None, state: LifeState::Running, ..ended("r", 0, 100) },
            &then,
            &Branches::new(),
            &[],
        );
        assert_eq!(lines, ["Run run", "  opus model:1", "  exec tool:t"]);
        assert!(matches!(
            then.steps[1].what,
            What::ToolCall { status: ToolStatus::Started, error: None, .. }
        ));
        assert_eq!(then.steps[1].end, None);
        assert_eq!(cut::until(&root, at(100)), root);
    }
}
