use std::fs;
use std::io::Write as _;

use patze_core::time::Timestamp;

use super::*;

/// How long a real inotify event may take.
const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn changes_are_gathered_and_silence_is_broken() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, time) = Clock::virtual_at(Timestamp::EPOCH);
    let mut watch = Watch::new(dir.path(), clock.clone());
    let signal = Arc::clone(&watch.signal);
    let task = tokio::spawn(async move {
        let mut woken = Vec::new();
        for _ in 0..3 {
            let wake = watch.next().await;
            woken.push((wake, clock.elapsed()));
        }
        woken
    });
    // Three changes at once are one wake-up, 50 ms later.
    time.wait_for_sleepers(1).await;
    for _ in 0..3 {
        signal.raise();
    }
    time.advance(DEBOUNCE).await;
    time.wait_for_sleepers(1).await;
    time.advance(SLOW_POLL).await;
    time.wait_for_sleepers(1).await;
    time.advance(SLOW_POLL).await;
    let slow = |count: u32| (Wake::Slow, DEBOUNCE + SLOW_POLL * count);
    assert_eq!(task.await.unwrap(), [(Wake::Changed, DEBOUNCE), slow(1), slow(2)]);
}

#[tokio::test]
async fn a_new_agent_and_its_rows_wake() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("agents")).unwrap();
    let clock = Clock::system();
    let mut watch = Watch::new(dir.path(), clock.clone());
    watch.cover();
    assert!(watch.problem().is_none(), "{:?}", watch.problem());

    let folder = dir.path().join("agents/main/agent");
    fs::create_dir_all(&folder).unwrap();
    assert_eq!(clock.timeout(DEADLINE, watch.next()).await.unwrap(), Wake::Changed);

    // As whoever looks does first.
    let wal = folder.join("openclaw-agent.sqlite-wal");
    watch.cover();
    fs::File::create(&wal).unwrap().write_all(b"frame").unwrap();
    assert_eq!(clock.timeout(DEADLINE, watch.next()).await.unwrap(), Wake::Changed);

    // Reading, and what else lies about, wakes nobody; the next frame does.
    fs::read(&wal).unwrap();
    fs::write(folder.join("openclaw-agent.sqlite-shm"), b"x").unwrap();
    fs::write(folder.join("notes.txt"), b"x").unwrap();
    fs::OpenOptions::new().append(true).open(&wal).unwrap().write_all(b"frame").unwrap();
    assert_eq!(clock.timeout(DEADLINE, watch.next()).await.unwrap(), Wake::Changed);
}

#[test]
fn only_rows_and_new_databases_are_changes() {
    use notify::event::{AccessKind, DataChange};
    let event = |kind, name: &str| notify::Event::new(kind).add_path(name.into());
    let modify = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    assert!(is_change(&event(modify, "/h/state/openclaw.sqlite-wal")));
    assert!(is_change(&event(
        EventKind::Create(CreateKind::File),
        "/h/agents/a/agent/openclaw-agent.sqlite"
    )));
    assert!(is_change(&event(EventKind::Create(CreateKind::Folder), "/h/agents/b")));
    for (kind, name) in [
        (modify, "/h/state/openclaw.sqlite-shm"),
        (modify, "/h/state/openclaw.sqlite"),
        (EventKind::Create(CreateKind::File), "/h/openclaw.json.tmp"),
        (EventKind::Access(AccessKind::Any), "/h/state/openclaw.sqlite-wal"),
    ] {
        assert!(!is_change(&event(kind, name)), "{kind:?} {name}");
    }
}
