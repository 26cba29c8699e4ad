//! The machine that a figure was measured on: without it the figure says nothing.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::scenarios::sync_floor;

/// What is told of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Machine {
    /// Version of the binary.
    pub version: &'static str,
    /// Cores that this process may use.
    pub cores: usize,
    /// Model of the processor.
    pub processor: String,
    /// Memory, bytes.
    pub memory_bytes: u64,
    /// Kernel.
    pub kernel: String,
    /// File system of the folder with the data; none: it is not ours.
    pub file_system: Option<String>,
    /// Appends of one record with a sync each, per second, by one writer.
    pub syncs_per_second: Option<f64>,
    /// The same with 64 records a sync, in records.
    pub records_per_second: Option<f64>,
}

impl Machine {
    /// Looks; of the disk under this folder, if there is one, it measures what a sync costs.
    pub(super) fn look(folder: Option<&Path>) -> anyhow::Result<Self> {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let floor = folder.map(sync_floor::short).transpose()?;
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: field(&read("/proc/cpuinfo"), "model name").unwrap_or_default(),
            memory_bytes: field(&read("/proc/meminfo"), "MemTotal")
                .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
                .unwrap_or_default()
                * 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            file_system: folder.and_then(|folder| {
                file_system(&read("/proc/self/mountinfo"), &folder.canonicalize().ok()?)
            }),
            syncs_per_second: floor.map(|floor| floor.0),
            records_per_second: floor.map(|floor| floor.1),
        })
    }

    /// In lines for people.
    pub(super) fn lines(&self) -> String {
        let gib = self.memory_bytes as f64 / f64::from(1 << 30);
        let mut out = format!(
            "Parlance {} on {} cores ({}), {gib:.0} GiB, Linux {}\n",
            self.version, self.cores, self.processor, self.kernel
        );
        if let (Some(one), Some(many)) = (self.syncs_per_second, self.records_per_second) {
            let disk = self.file_system.as_deref().unwrap_or("unknown file system");
            writeln!(
                out,
                "disk ({disk}): {one:.0} syncs/s of one record, {many:.0} records/s in syncs of 64, one writer"
            )
            .expect("writing to memory does not fail");
        }
        if self.is_memory() {
            out += "THE FOLDER IS IN MEMORY: a sync costs nothing there; give --folder on a disk\n";
        }
        out
    }

    fn is_memory(&self) -> bool {
        matches!(self.file_system.as_deref(), Some("tmpfs" | "ramfs"))
    }
}

/// A field of a `name : value` file, its first.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

/// The type of the file system that holds this path, by proc_pid_mountinfo(5).
fn file_system(mounts: &str, path: &Path) -> Option<String> {
    let of = |line: &str| {
        let (mount, rest) = line.split_once(" - ")?;
        let point = mount.split(' ').nth(4)?;
        let kind = rest.split(' ').next()?;
        path.starts_with(point).then(|| (point.len(), kind.to_owned()))
    };
    // Of two on one point, the later one lies on top.
    mounts.lines().filter_map(of).max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_counts() {
        let mounts = "1 0 0:1 / / rw - ext4 /dev/a rw\n\
                      2 1 0:2 / /tmp rw,nosuid - tmpfs tmpfs rw\n\
                      3 1 0:3 / /tmp/x rw shared:1 - xfs /dev/b rw\n";
        let of = |path: &str| file_system(mounts, Path::new(path));
        assert_eq!(of("/home").as_deref(), Some("ext4"));
        assert_eq!(of("/tmp/a").as_deref(), Some("tmpfs"));
        assert_eq!(of("/tmp/x/y").as_deref(), Some("xfs"));
        assert_eq!(of("/tmpfile").as_deref(), Some("ext4"));
    }

    #[test]
    fn this_machine_can_be_described() {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::look(Some(folder.path())).unwrap();
        assert!(machine.cores > 0 && machine.memory_bytes > 0 && !machine.kernel.is_empty());
        assert!(machine.syncs_per_second.unwrap() > 0.0);
        let json = serde_json::to_value(&machine).unwrap();
        assert!(json["syncsPerSecond"].as_f64().unwrap() > 0.0);
    }
}
