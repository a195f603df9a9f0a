//! How the machine is: the gauges of a heartbeat (contract §4.2, §14.2).
//!
//! Each sample refreshes only what it tells. The disk is asked by `statvfs` of `/` alone: a list of all mounts would ask
//! each of them, and one dead network mount would hang the bridge.

use std::path::Path;

use serde_json::{Map, Value};
use sysinfo::{Networks, System};

/// Takes samples; the processor's share is that since the sample before.
#[derive(Debug)]
pub struct Sampler {
    system: System,
    networks: Networks,
}

/// Names of interfaces that carry what another one carries too, or nothing that leaves the machine.
const VIRTUAL: [&str; 16] = [
    "lo",
    "veth",
    "docker",
    "br-",
    "virbr",
    "cni",
    "flannel",
    "cali",
    "tun",
    "tap",
    "wg",
    "tailscale",
    "utun",
    "awdl",
    "llw",
    "bridge",
];

// === impl Sampler ===

impl Sampler {
    /// Begins the first stretch of processor time.
    ///
    /// # Errors
    /// [`sysinfo::Error`] on a system that sysinfo does not know.
    pub fn new() -> Result<Self, sysinfo::Error> {
        let mut system = System::new()?;
        system.refresh_cpu_usage();
        Ok(Self { system, networks: Networks::new()? })
    }

    /// The `resource` of a heartbeat. What cannot be read is left out, except for processor and memory, which the
    /// contract demands.
    pub fn sample(&mut self) -> Value {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        self.networks.refresh(true);
        let (used, total) = (self.system.used_memory(), self.system.total_memory());
        let mut resource = Map::new();
        resource
            .insert("cpuPct".to_owned(), tenths(f64::from(self.system.global_cpu_usage()).clamp(0.0, 100.0)));
        resource.insert("memoryBytes".to_owned(), used.into());
        resource.insert("memoryPct".to_owned(), share(used, total));
        resource.insert("memoryTotalBytes".to_owned(), total.into());
        if let Some((used, available, total)) = disk() {
            resource.insert("diskUsageBytes".to_owned(), used.into());
            resource.insert("diskTotalBytes".to_owned(), total.into());
            // As `df` has it: of what ordinary users may fill.
            resource.insert("diskPct".to_owned(), share(used, used + available));
        }
        let interfaces: Vec<_> = self
            .networks
            .iter()
            .map(|(name, data)| Interface {
                name: name.to_str().unwrap_or_default(),
                hardware: Path::new("/sys/class/net").join(name).join("device").exists(),
                received: data.total_received(),
                sent: data.total_transmitted(),
            })
            .collect();
        if let Some((received, sent)) = traffic(&interfaces) {
            resource.insert("netRxBytes".to_owned(), received.into());
            resource.insert("netTxBytes".to_owned(), sent.into());
        }
        Value::Object(resource)
    }
}

#[derive(Clone, Copy, Debug)]
struct Interface<'a> {
    name: &'a str,
    /// Whether there is a device behind it (Linux).
    hardware: bool,
    received: u64,
    sent: u64,
}

/// Bytes received and sent since boot, over the real interfaces: those with hardware behind them, or, where none is known
/// to have (a container, another system), those whose names are not of virtual ones. `None` if there is none.
fn traffic(interfaces: &[Interface<'_>]) -> Option<(u64, u64)> {
    let hardware = interfaces.iter().any(|interface| interface.hardware);
    let real = |interface: &&Interface<'_>| {
        if hardware {
            interface.hardware
        } else {
            !VIRTUAL.iter().any(|prefix| interface.name.starts_with(prefix))
        }
    };
    interfaces
        .iter()
        .filter(real)
        .map(|interface| (interface.received, interface.sent))
        .reduce(|a, b| (a.0.saturating_add(b.0), a.1.saturating_add(b.1)))
}

/// Used, available to ordinary users, and total bytes of the file system of `/`.
fn disk() -> Option<(u64, u64, u64)> {
    let disk = rustix::fs::statvfs("/").ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    (disk.f_blocks > 0).then(|| {
        (bytes(disk.f_blocks.saturating_sub(disk.f_bfree)), bytes(disk.f_bavail), bytes(disk.f_blocks))
    })
}

fn share(part: u64, whole: u64) -> Value {
    if whole == 0 { 0.into() } else { tenths(part as f64 / whole as f64 * 100.0) }
}

fn tenths(value: f64) -> Value {
    ((value * 10.0).round() / 10.0).into()
}

#[cfg(test)]
mod tests {
    use patze_core::event::payload::Gauges;

    use super::*;

    #[test]
    fn a_sample_is_what_the_contract_wants_and_agrees_with_the_system() {
        let mut sampler = Sampler::new().unwrap();
        let text = sampler.sample().to_string();
        let gauges: Gauges = serde_json::from_str(&text).unwrap();
        assert!((0.0..=100.0).contains(&gauges.cpu_pct));
        assert!((0.0..=100.0).contains(&gauges.memory_pct) && gauges.memory_pct > 0.0);
        let total = gauges.memory_total_bytes.unwrap();
        assert!(gauges.memory_bytes > 0.0 && gauges.memory_bytes < total);
        let (used, all) = (gauges.disk_usage_bytes.unwrap(), gauges.disk_total_bytes.unwrap());
        assert!(used > 0.0 && used <= all && gauges.disk_pct.unwrap() <= 100.0);
        if let Ok(meminfo) = std::fs::read_to_string("/proc/meminfo") {
            let kib: f64 = meminfo.split_whitespace().nth(1).unwrap().parse().unwrap();
            assert_eq!(total, kib * 1024.0);
        }
    }

    #[test]
    fn only_real_interfaces_count() {
        let interface =
            |name, hardware, received| Interface { name, hardware, received, sent: received * 10 };
        for (interfaces, expected) in [
            (vec![], None),
            (vec![interface("lo", false, 1)], None),
            (
                vec![interface("lo", false, 1), interface("eth0", true, 2), interface("docker0", false, 4)],
                Some((2, 20)),
            ),
            (
                vec![interface("eth0", true, 2), interface("bond0", false, 6), interface("eth1", true, 4)],
                Some((6, 60)),
            ),
            (
                vec![interface("lo", false, 1), interface("eth0", false, 2), interface("wg0", false, 4)],
                Some((2, 20)),
            ),
            (
                vec![interface("en0", false, u64::MAX / 16), interface("utun3", false, 4)],
                Some((u64::MAX / 16, u64::MAX / 16 * 10)),
            ),
        ] {
            assert_eq!(traffic(&interfaces), expected, "{interfaces:?}");
        }
    }

    #[test]
    fn shares_are_rounded_and_total() {
        assert_eq!(share(1, 3), Value::from(33.3));
        assert_eq!(share(0, 0), Value::from(0));
    }
}
