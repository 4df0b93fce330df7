//! What a process used, as the kernel tells.

use std::fs;
use std::time::Duration;

use crate::Outcome;

/// Ticks a second of the times in `/proc/PID/stat`; the same on every Linux that Rust runs on.
const TICKS: u32 = 100;

/// Time on processors of all threads since the process began, in user mode and in the kernel.
///
/// The scheduler counts nanoseconds for each thread that lives, and ticks for the process with its ended threads: the
/// larger one is right unless many short threads end.
///
/// # Errors
/// There is no such process.
pub fn cpu(pid: u32) -> Outcome<Duration> {
    let mut fine = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end meanwhile.
        if let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) {
            fine += Duration::from_nanos(number(text.split(' ').next())?);
        }
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The program's name may hold anything but ends with the last parenthesis.
    let mut fields = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace().skip(11);
    let ticks = number(fields.next())? + number(fields.next())?;
    let coarse = Duration::from_secs(ticks) / TICKS;
    // Within the precision of ticks the finer number is the better one.
    Ok(if coarse > fine + Duration::from_millis(50) { coarse } else { fine })
}

/// Resident memory in bytes.
///
/// # Errors
/// There is no such process.
pub fn resident(pid: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    Ok(number(line.and_then(|line| line.split_ascii_whitespace().next()))? * 1024)
}

/// How many threads wanted a processor in the last minute, on average.
#[must_use]
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}

fn number(field: Option<&str>) -> Outcome<u64> {
    Ok(field.unwrap_or_default().trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_and_memory_are_seen() {
        let pid = std::process::id();
        let (before, resident_before) = (cpu(pid).unwrap(), resident(pid).unwrap());
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        // The kernel counts when a thread stops or at a tick, so this may take another look.
        while cpu(pid).unwrap() <= before {
            std::hint::black_box(block.iter().map(|byte| u64::from(*byte)).sum::<u64>());
        }
        assert!(resident(pid).unwrap() > resident_before + (32 << 20));
    }
}
