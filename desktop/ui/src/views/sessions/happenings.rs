//! What happened in a session, oldest first, built from its runs: pure, so that each rule has its test.

use std::rc::Rc;

use patze_core::fleet::lifecycle::LifeState;
use patze_core::fleet::rows::RunKey;
use patze_core::time::{MINUTE, Timestamp};

use super::super::runs::entry::Entry as Run;
use super::entry::Entry;
use crate::say::{number, span, word};

/// A session in which nothing has happened for so long was quiet, ms.
const QUIET: i64 = 10 * MINUTE;

/// How something that happened is marked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// The session was opened.
    Opened,
    /// It or a run came into a state.
    State(LifeState),
    /// Why a run failed.
    Error,
    /// It is silent though a run goes on.
    Silent,
    /// Nothing happened.
    Quiet,
}

/// Something that happened.
#[derive(Clone, PartialEq, Debug)]
pub struct Happening {
    /// When; a quiet stretch is at no moment.
    pub at: Option<Timestamp>,
    /// How it is marked.
    pub mark: Mark,
    /// What.
    pub title: String,
    /// What more is known of it.
    pub text: String,
    /// It goes on since then: how long stands before the text.
    pub since: Option<Timestamp>,
    /// The run that it is about.
    pub run: Option<RunKey>,
}

/// A run and its number in the session.
#[derive(Clone, PartialEq, Debug)]
pub struct Numbered {
    /// 1 is the first.
    pub number: u64,
    /// The run.
    pub run: Rc<Run>,
}

/// What happened. `runs` are by begin; `from_start` says that there are none before them.
pub fn happenings(session: &Entry, runs: &[Numbered], from_start: bool, now: Timestamp) -> Vec<Happening> {
    // Each with what it adds to the runs that go on.
    let mut all: Vec<(Timestamp, i32, Happening)> = Vec::new();
    if from_start {
        let via = session.channel_name();
        let text = match (&session.parent, via.is_empty()) {
            (Some(parent), _) => format!("by {parent}"),
            (None, false) => format!("through {via}"),
            (None, true) => String::new(),
        };
        all.push((session.opened, 0, plain(session.opened, Mark::Opened, "Session opened", &text)));
    }
    for numbered in runs {
        push_run(&mut all, numbered);
    }
    if let Some(ended) = session.ended {
        let title = format!("Session {}", word::life(session.state).to_lowercase());
        all.push((ended, 0, plain(ended, Mark::State(session.state), &title, "")));
    }
    all.sort_by_key(|(at, ..)| *at);
    with_quiet(all, session, now)
}

fn push_run(all: &mut Vec<(Timestamp, i32, Happening)>, Numbered { number, run }: &Numbered) {
    let key = Some(run.key());
    let of_run = |happening: Happening| Happening { run: key.clone(), ..happening };
    let Some(ended) = run.ended else {
        let title = format!("Run {number} {}", word::life(run.state).to_lowercase());
        let spent = spent(run).map(|spent| format!("{spent} so far")).unwrap_or_default();
        let happening = plain(run.began, Mark::State(run.state), &title, &spent);
        all.push((run.began, 1, of_run(Happening { since: Some(run.began), ..happening })));
        return;
    };
    let model = run.model.as_deref().unwrap_or_default();
    all.push((
        run.began,
        1,
        of_run(plain(run.began, Mark::State(LifeState::Queued), &format!("Run {number} started"), model)),
    ));
    let took = span::duration(ended.since(run.began));
    let text = spent(run).map_or(took.clone(), |spent| format!("{took}, {spent}"));
    let title = format!("Run {number} {}", word::life(run.state).to_lowercase());
    all.push((ended, -1, of_run(plain(ended, Mark::State(run.state), &title, &text))));
    if let Some(reason) = run.reason.as_deref().filter(|_| run.has_failed()) {
        all.push((ended, 0, of_run(plain(ended, Mark::Error, reason, ""))));
    }
}

/// "12.4 k tokens, $0.04"
fn spent(run: &Run) -> Option<String> {
    let cost = number::cost(run.calls, run.cost);
    let tokens = format!("{} tokens", number::tokens(run.tokens));
    (run.calls > 0)
        .then(|| if cost == crate::say::NONE { tokens.clone() } else { format!("{tokens}, {cost}") })
}

fn plain(at: Timestamp, mark: Mark, title: &str, text: &str) -> Happening {
    Happening { at: Some(at), mark, title: title.to_owned(), text: text.to_owned(), since: None, run: None }
}

/// Puts quiet stretches between: where no run went on and nothing happened.
fn with_quiet(all: Vec<(Timestamp, i32, Happening)>, session: &Entry, now: Timestamp) -> Vec<Happening> {
    let mut happenings = Vec::with_capacity(all.len());
    let (mut active, mut last) = (0, None::<Timestamp>);
    for (at, change, happening) in all {
        happenings.extend(last.and_then(|last| quiet(last, at, active)));
        happenings.push(happening);
        (active, last) = (active + change, Some(at));
    }
    if let (true, Some(stalled)) = (session.is_open() && active > 0, session.stalled) {
        happenings.push(Happening {
            since: Some(stalled),
            ..plain(stalled, Mark::Silent, "Silent, though a run goes on", "without an event")
        });
    } else if session.is_open() {
        // A line of the log or a tool call is an event too.
        let last = last.map(|last| last.max(session.touched.min(now)));
        happenings.extend(last.and_then(|last| quiet(last, now, active)));
    }
    happenings
}

fn quiet(from: Timestamp, to: Timestamp, active: i32) -> Option<Happening> {
    let long = to.since(from);
    (active <= 0 && long >= QUIET).then(|| {
        let long = span::duration(long - long % MINUTE);
        Happening { at: None, ..plain(from, Mark::Quiet, &format!("Quiet for {long}, no event"), "") }
    })
}

#[cfg(test)]
mod tests {
    use patze_core::money::NanoUsd;

    use super::super::super::runs::entry::tests::ended;
    use super::*;

    const MIN: i64 = MINUTE;

    fn session() -> Entry {
        Entry {
            machine_id: "m".into(),
            session_id: "s".into(),
            agent_id: "scribe".into(),
            title: "main".to_owned(),
            parent: None,
            channel: Some("telegram".into()),
            state: LifeState::Running,
            opened: Timestamp::EPOCH,
            ended: None,
            runs: 2,
            failed_runs: 0,
            calls: 0,
            input: 0,
            cached: 0,
            output: 0,
            cost: NanoUsd::ZERO,
            stalled: None,
            touched: Timestamp::EPOCH,
        }
    }

    fn told(session: &Entry, runs: Vec<Run>, now: i64) -> Vec<String> {
        let numbered = |(i, run): (usize, Run)| Numbered { number: i as u64 + 1, run: Rc::new(run) };
        let runs: Vec<_> = runs.into_iter().enumerate().map(numbered).collect();
        let all = happenings(session, &runs, true, Timestamp::from_millis(now));
        let text =
            |happening: &Happening| format!("{}|{}", happening.title, happening.text).replace('\u{a0}', " ");
        all.iter().map(text).collect()
    }

    #[test]
    fn runs_start_and_end_and_say_why_they_failed() {
        let failed =
            Run { state: LifeState::Failed, reason: Some("timed out".into()), ..ended("b", 90_000, 192_000) };
        assert_eq!(
            told(&session(), vec![ended("a", 1_000, 18_000), failed], 200_000),
            [
                "Session opened|through Telegram",
                "Run 1 started|opus",
                "Run 1 completed|17 s, 1.20 k tokens, $0.04",
                "Run 2 started|opus",
                "Run 2 failed|1 min 42 s, 1.20 k tokens, $0.04",
                "timed out|",
            ]
        );
    }

    #[test]
    fn what_goes_on_has_no_end_yet() {
        let run = Run { ended: None, state: LifeState::WaitingTool, ..ended("a", 1_000, 0) };
        let lines = told(&session(), vec![run.clone()], 60 * MIN);
        assert_eq!(
            lines,
            ["Session opened|through Telegram", "Run 1 waits for tool|1.20 k tokens, $0.04 so far"]
        );
        let stalled = Entry { stalled: Some(Timestamp::from_millis(30 * MIN)), ..session() };
        assert_eq!(told(&stalled, vec![run], 60 * MIN)[2], "Silent, though a run goes on|without an event");
    }

    #[test]
    fn only_where_nothing_went_on_it_was_quiet() {
        let lines = told(&session(), vec![ended("a", 0, 40 * MIN), ended("b", 65 * MIN, 66 * MIN)], 90 * MIN);
        let quiet: Vec<_> = lines.iter().filter(|line| line.starts_with("Quiet")).collect();
        assert_eq!(quiet, ["Quiet for 25 min, no event|", "Quiet for 24 min, no event|"], "{lines:?}");
        let over =
            Entry { ended: Some(Timestamp::from_millis(66 * MIN)), state: LifeState::Completed, ..session() };
        let lines = told(&over, vec![ended("b", 65 * MIN, 66 * MIN)], 900 * MIN);
        assert_eq!(lines.last().unwrap(), "Session completed|", "what is over is not quiet");
        let busy = Entry { touched: Timestamp::from_millis(85 * MIN), ..session() };
        assert!(
            !told(&busy, vec![ended("b", 65 * MIN, 66 * MIN)], 90 * MIN).last().unwrap().starts_with("Quiet")
        );
    }

    #[test]
    fn a_run_without_a_price_tells_its_tokens_alone() {
        let run = Run { cost: NanoUsd::ZERO, ..ended("a", 0, 5_000) };
        assert_eq!(told(&session(), vec![run.clone()], 6_000)[2], "Run 1 completed|5 s, 1.20 k tokens");
        assert_eq!(told(&session(), vec![Run { calls: 0, ..run }], 6_000)[2], "Run 1 completed|5 s");
    }
}
