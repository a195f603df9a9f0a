//! The spool against a list: whatever is appended, delivered, refused and killed, in whatever order.

use super::*;

/// What the spool promises, in memory.
#[derive(Default)]
struct Model {
    events: VecDeque<(String, bool)>,
    cursors: BTreeMap<String, String>,
    rejected: u64,
}

#[derive(Clone, Debug)]
enum Op {
    Append {
        source: u8,
        sizes: Vec<usize>,
    },
    Keep {
        heartbeat: bool,
        size: usize,
    },
    /// Deliver the first part of a batch of at most so many; refuse every n-th event of it.
    Deliver {
        most: usize,
        refuse_every: usize,
    },
    /// A batch is read and never answered.
    Send {
        most: usize,
    },
    Close,
    Kill,
    Mapper,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let sizes = || prop_oneof![4 => 0usize..300, 1 => 3_000usize..12_000];
    let op = prop_oneof![
        6 => (0u8..3, prop::collection::vec(sizes(), 0..12)).prop_map(|(source, sizes)| Op::Append { source, sizes }),
        4 => (any::<bool>(), sizes()).prop_map(|(heartbeat, size)| Op::Keep { heartbeat, size }),
        5 => (1usize..20, 1usize..6).prop_map(|(most, refuse_every)| Op::Deliver { most, refuse_every }),
        1 => (1usize..20).prop_map(|most| Op::Send { most }),
        2 => Just(Op::Close),
        2 => Just(Op::Kill),
        1 => Just(Op::Mapper),
    ];
    prop::collection::vec(op, 1..60)
}

/// Runs `ops` against a spool of `cap` bytes and the model.
fn check(ops: &[Op], cap: u64) {
    let mut dir = tempfile::tempdir().unwrap();
    let mut mapper = 1;
    let open = |dir: &Path, mapper| Spool::open(dir, Limits { cap }, &machine(), mapper).unwrap();
    let mut spool = open(dir.path(), mapper);
    let mut model = Model::default();
    for (n, op) in ops.iter().enumerate() {
        match op {
            Op::Append { source, sizes } => {
                let source = format!("home{source}");
                let events: Vec<_> =
                    sizes.iter().enumerate().map(|(m, size)| event(&format!("{n}-{m}"), *size)).collect();
                let beginning = spool.begin(&source).unwrap();
                assert_eq!(beginning.cursor.as_ref(), model.cursors.get(&source));
                match spool.append(&source, beginning.epoch, Some(&n.to_string()), &events).unwrap() {
                    Appended::Kept => {
                        forget_shed_heartbeats(&mut model, &spool, events.len());
                        model.events.extend(events.iter().map(|event| (event.id.as_str().to_owned(), false)));
                        model.cursors.insert(source, n.to_string());
                    }
                    Appended::Full => {
                        assert!(!events.is_empty() && spool.used().unwrap() >= cap);
                        model.events.retain(|(_, heartbeat)| !heartbeat);
                    }
                    Appended::Stale => panic!("nothing was forgotten"),
                }
            }
            Op::Keep { heartbeat, size } => {
                let id = format!("{n}");
                let full = spool.used().unwrap() >= cap;
                match spool.keep(&event(&id, *size), *heartbeat).unwrap() {
                    Appended::Kept => model.events.push_back((id, *heartbeat)),
                    Appended::Full => assert!(full && *heartbeat),
                    Appended::Stale => panic!("it has no epoch"),
                }
            }
            Op::Deliver { most, refuse_every } => {
                let most = Most { events: *most, bytes: 20_000 };
                let Some(batch) = spool.next_batch(Shape::Batch, most).unwrap() else { continue };
                let rejected: Vec<_> = batch
                    .seqs
                    .iter()
                    .skip(refuse_every - 1)
                    .step_by(*refuse_every)
                    .map(|seq| (*seq, Reason { code: "c".to_owned(), message: String::new() }))
                    .collect();
                spool.settle(*batch.seqs.last().unwrap(), &rejected, Timestamp::EPOCH).unwrap();
                let delivered: Vec<_> = model.events.drain(..batch.seqs.len()).map(|(id, _)| id).collect();
                assert_eq!(ids(&batch), delivered);
                model.rejected += rejected.len() as u64;
            }
            Op::Send { most } => {
                let _ = spool.next_batch(Shape::Batch, Most { events: *most, bytes: 20_000 }).unwrap();
            }
            Op::Close => {
                drop(spool);
                spool = open(dir.path(), mapper);
            }
            Op::Kill => {
                let copy = killed(dir.path());
                drop(spool);
                dir = copy;
                spool = open(dir.path(), mapper);
            }
            Op::Mapper => {
                drop(spool);
                mapper += 1;
                spool = open(dir.path(), mapper);
                model.cursors.clear();
            }
        }
        let expected: Vec<_> = model.events.iter().map(|(id, _)| id.clone()).collect();
        assert_eq!(all_ids(&spool), expected, "after {op:?}");
        assert_eq!(spool.waiting(), expected.len() as u64);
    }
    assert_eq!(Rejected::of(dir.path()).read(0).unwrap().count, model.rejected);
}

/// What an append that was kept may have deleted to make room: the oldest heartbeats, and as few as do.
fn forget_shed_heartbeats(model: &mut Model, spool: &Spool, appended: usize) {
    let mut gone = (model.events.len() + appended).saturating_sub(spool.waiting() as usize);
    model.events.retain(|(_, heartbeat)| {
        let sheds = *heartbeat && gone > 0;
        gone -= usize::from(sheds);
        !sheds
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn with_room(ops in ops()) {
        check(&ops, 1 << 30);
    }

    #[test]
    fn at_the_cap(ops in ops(), cap in 50_000u64..150_000) {
        check(&ops, cap);
    }
}
