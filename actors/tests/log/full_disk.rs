//! Full disks: real ones. A child process of this test binary runs on a tiny file system, or with a limit on how large a
//! file may grow.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::Ordering::Relaxed;

use patze_actors::log::{AppendError, OpenError, verify};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::support::{Running, batch, clock, event, files, read_all, try_open};

/// Where the child works; set means "you are the child".
const DIR: &str = "PATZE_TEST_DIR";

/// Set where nobody may mount a tmpfs of his own: the test that needs one is left out, and not by accident.
const WITHOUT_TMPFS: &str = "PATZE_TEST_WITHOUT_TMPFS";

fn child_dir() -> Option<std::path::PathBuf> {
    std::env::var_os(DIR).map(Into::into)
}

/// Runs the ignored test `name` of this binary in `dir`, on a tmpfs of this size, and expects that it passes.
fn passes_on_tmpfs(size: &str, name: &str, dir: &Path) {
    if std::env::var_os(WITHOUT_TMPFS).is_some() {
        eprintln!("NOT RUN: {WITHOUT_TMPFS} is set");
        return;
    }
    let shell = format!("mount -t tmpfs -o size={size} tmpfs \"${DIR}\" && exec \"$@\"");
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &shell, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", name])
        .env(DIR, dir)
        .output()
        .unwrap();
    let refused = String::from_utf8_lossy(&output.stderr).contains("unshare");
    assert!(
        !refused,
        "this system lets nobody mount a tmpfs of his own; set {WITHOUT_TMPFS}=1 to go without"
    );
    assert_passed(&output);
}

fn assert_passed(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}\n{errors}");
}

#[test]
fn a_full_disk_at_the_start_is_named_and_the_file_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    passes_on_tmpfs("1m", "full_disk::child_that_starts_on_a_full_disk", dir.path());
}

#[test]
#[ignore = "run by the test above, on a tmpfs of 1 MiB"]
fn child_that_starts_on_a_full_disk() {
    let dir = child_dir().unwrap();
    let running = Running::open(&dir, &clock());
    running.append(batch((0..100).map(|n| event("m", &format!("e{n}"), n)))).wait().unwrap();
    running.close();
    let before = std::fs::read(dir.join("patze.db")).unwrap();
    fill(&dir.join("filler"));
    let error = try_open(&dir, &clock()).map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::DiskFull { .. }), "{error:?}");
    assert!(error.to_string().contains("free some space"), "{error}");
    assert!(std::fs::read(dir.join("patze.db")).unwrap() == before, "the file was changed");

    // A disk that is full before there is a log.
    let new = dir.join("new");
    let error = try_open(&new, &clock()).map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::DiskFull { .. }), "{error:?}");

    std::fs::remove_file(dir.join("filler")).unwrap();
    let running = Running::open(&dir, &clock());
    assert_eq!(running.log.head().position, 100);
    running.close();
}

/// Writes until there is no room for a single byte more.
fn fill(path: &Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).unwrap();
    for size in [64 << 10, 4 << 10, 512, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

#[test]
fn a_disk_that_fills_up_refuses_batches_and_takes_them_again_later() {
    let dir = tempfile::tempdir().unwrap();
    // A write beyond the limit fails like one on a full disk, once the signal that goes with it is ignored.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "full_disk::child_whose_disk_fills_up"])
        .env(DIR, dir.path())
        .output()
        .unwrap();
    assert_passed(&output);
}

#[test]
#[ignore = "run by the test above, with SIGXFSZ ignored"]
fn child_whose_disk_fills_up() {
    let dir = child_dir().unwrap();
    let running = Running::open(&dir, &clock());
    let mut acknowledged = 0;
    let limit = |bytes| {
        let maximum = getrlimit(Resource::Fsize).maximum;
        setrlimit(Resource::Fsize, Rlimit { current: bytes, maximum }).unwrap();
    };
    limit(Some(300_000));
    let mut refused = 0;
    for n in 0..40 {
        let events = (0..50).map(|e| event("m", &format!("e{n}-{e}"), n * 50 + e));
        match running.append(batch(events)).wait() {
            Ok(_) => acknowledged += 50,
            Err(AppendError::Storage { file, .. }) => {
                assert!(file.ends_with("patze.db"), "{file}");
                assert!(running.log.status().write_error.is_some());
                refused += 1;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(acknowledged > 0 && refused > 10, "{acknowledged} events, {refused} refused");
    assert_eq!(running.log.metrics().failed_batches.load(Relaxed), refused);
    assert_eq!(read_all(&running.log, 1_000).len(), acknowledged);

    limit(None);
    running.append(batch([event("m", "after", 1)])).wait().unwrap();
    assert_eq!(running.log.status().write_error, None);
    assert_eq!(read_all(&running.log, 1_000).len(), acknowledged + 1);
    running.close();
    assert_eq!(files(&dir).len(), 2, "the database and the note of its head are left");
    let report = verify::verify(&dir.join("patze.db")).unwrap();
    assert!(report.is_sound() && report.events == acknowledged as u64 + 1, "{report:?}");
}

#[test]
fn a_full_disk_leaves_no_half_backup_and_restores_nothing() {
    let dir = tempfile::tempdir().unwrap();
    passes_on_tmpfs("2m", "full_disk::child_that_backs_up_to_a_full_disk", dir.path());
}

#[test]
#[ignore = "run by the test above, on a tmpfs of 2 MiB"]
fn child_that_backs_up_to_a_full_disk() {
    use patze_actors::log::care::{self, Backup, BackupError};
    let dir = child_dir().unwrap();
    let (log, file) = (dir.join("log"), dir.join("backup"));
    let running = Running::open(&log, &clock());
    running.append(batch((0..2_000).map(|n| event("m", &format!("e{n}"), n)))).wait().unwrap();
    let wanted =
        Backup { dir: &log, file: &file, with_secrets: false, version: "test", now: super::support::START };
    // Room for a file or two, and not for the log once more.
    let filler = dir.join("filler");
    let fill_but_a_little = || {
        fill(&filler);
        let file = std::fs::File::options().write(true).open(&filler).unwrap();
        file.set_len(file.metadata().unwrap().len() - (160 << 10)).unwrap();
    };
    fill_but_a_little();
    let names =
        || std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    let before = names();
    let error = care::backup(&wanted).unwrap_err();
    assert!(matches!(error, BackupError::Full { .. }), "{error:?}");
    assert!(error.to_string().contains("Make room"), "{error}");
    assert_eq!(names(), before);
    std::fs::remove_file(&filler).unwrap();
    running.append(batch([event("m", "more", 1)])).wait().unwrap();
    running.close();

    let elsewhere = tempfile::tempdir_in("/dev/shm").unwrap();
    let file = elsewhere.path().join("backup");
    care::backup(&Backup { file: &file, ..wanted }).unwrap();
    fill_but_a_little();
    let before = files(&log);
    let error = care::restore(&log, &file, super::support::START).unwrap_err();
    assert!(error.to_string().contains("make room"), "{error}");
    assert!(files(&log) == before, "something was touched");
}
