//! What a process uses, as Linux tells (proc(5)).

use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// CPU time and memory of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// In user and kernel mode, all threads.
    pub cpu: Duration,
    /// Resident memory.
    pub resident_bytes: u64,
}

/// Of this process.
pub fn usage(pid: u32) -> anyhow::Result<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = ticks(&stat).context("/proc/PID/stat")?;
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm"))?;
    let pages: u64 = statm.split(' ').nth(1).context("/proc/PID/statm")?.parse()?;
    let page = u64::try_from(rustix::param::page_size())?;
    Ok(Usage { cpu: time(ticks), resident_bytes: pages * page })
}

/// CPU time of the calling thread.
pub fn thread_cpu() -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/stat")?;
    Ok(time(ticks(&stat).context("/proc/thread-self/stat")?))
}

fn time(ticks: u64) -> Duration {
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// utime and stime: fields 14 and 15, counted behind the name, which may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

/// Lets this process, and those it starts, open as many files as the machine allows.
pub fn raise_file_limit() -> anyhow::Result<Option<u64>> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(maximum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_parenthesis_shifts_nothing() {
        let stat = "12 (a) b) S 1 2 3 4 5 6 7 8 9 10 70 7 0 0 20 0 3 0 9";
        assert_eq!(ticks(stat), Some(77));
    }

    #[test]
    fn this_process_uses_something() {
        assert!(usage(std::process::id()).unwrap().resident_bytes > 0);
    }
}
