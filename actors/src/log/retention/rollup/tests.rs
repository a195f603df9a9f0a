use patze_core::event::Severity;

use super::*;

fn database() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(include_str!("../../../../../sql/migrations/0001_events.sql")).unwrap();
    conn.execute_batch(include_str!("../../../../../sql/migrations/0002_retention.sql")).unwrap();
    conn
}

fn beat(buckets: &mut Buckets, at: i64, cpu: f64, disk: Option<f64>, origin: Origin<'_>) {
    let disk = disk.map_or(String::new(), |disk| format!(r#","diskPct":{disk}"#));
    let payload = format!(
        r#"{{"machineId":"m","status":"online","resource":{{"cpuPct":{cpu},"memoryBytes":1,"memoryPct":2{disk}}}}}"#
    );
    buckets.add(&Recorded {
        position: 1,
        recorded_at: Timestamp::MAX,
        origin,
        id: "e",
        machine: "m",
        type_name: "machine.heartbeat",
        severity: Severity::Info,
        occurred_at: Timestamp::from_millis(at),
        trace: "{}",
        payload: &payload,
    });
}

type Shown = (i64, i64, i64, f64, f64, f64, i64, Option<f64>);

fn stored(conn: &Connection) -> Vec<Shown> {
    conn.prepare("SELECT tier, start, n, cpu_pct_min, cpu_pct_max, cpu_pct_sum, disk_pct_n, disk_pct_sum FROM heartbeat_rollup ORDER BY tier, start")
        .unwrap()
        .query_map([], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?, r.get(6)?, r.get(7)?))
        })
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn buckets_are_added_to_what_is_stored() {
    let conn = database();
    let mut first = Buckets::default();
    beat(&mut first, 1_000, 10.0, None, Origin::INGEST);
    beat(&mut first, 59_999, 30.0, None, Origin::INGEST);
    beat(&mut first, 60_000, 5.0, Some(7.0), Origin::INGEST);
    beat(&mut first, 61_000, 99.0, None, Origin::CONTROL);
    first.store(&conn).unwrap();
    let mut late = Buckets::default();
    beat(&mut late, 2_000, 2.0, Some(50.0), Origin::INGEST);
    late.store(&conn).unwrap();
    assert_eq!(
        stored(&conn),
        [(60_000, 0, 3, 2.0, 30.0, 42.0, 1, Some(50.0)), (60_000, 60_000, 1, 5.0, 5.0, 5.0, 1, Some(7.0))],
        "the control plane's own heartbeat showed nothing"
    );
}

#[test]
fn tiers_are_joined_exactly() {
    let conn = database();
    let mut buckets = Buckets::default();
    let values: Vec<(i64, f64)> = (0..200).map(|n| (n * 17_000, f64::from(n as i32 % 13))).collect();
    for (at, cpu) in &values {
        beat(&mut buckets, *at, *cpu, None, Origin::INGEST);
    }
    buckets.store(&conn).unwrap();
    let before = 3_000_000;
    while has_before(&conn, "m", MINUTE, before).unwrap() {
        join(&conn, "m", MINUTE, 10 * MINUTE, before).unwrap();
    }
    let joined: Vec<_> = stored(&conn).into_iter().filter(|row| row.0 == 10 * MINUTE).collect();
    assert_eq!(joined.len(), 5);
    for (_, start, n, min, max, sum, ..) in joined {
        let inside: Vec<f64> =
            values.iter().filter(|(at, _)| (start..start + 600_000).contains(at)).map(|(_, v)| *v).collect();
        assert_eq!(n as usize, inside.len());
        assert_eq!(sum, inside.iter().sum::<f64>());
        assert_eq!((min, max), (0.0, 12.0));
    }
    assert!(stored(&conn).iter().all(|row| row.0 != MINUTE || row.1 >= before));
}
