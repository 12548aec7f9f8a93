//! Ending what a dockerd leaves behind: its containerd, shims, containers and mounts.
//!
//! All of them carry the dockerd's own directory in their command line, or are children of such a process; nothing else is touched.

use anyhow::Result;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;

const PREFIX: &str = "rdd-dockerd-";
const PATIENCE: Duration = Duration::from_secs(5);

/// A new directory, named after this process. Short, for the sockets within.
pub(super) fn directory() -> Result<TempDir> {
    let prefix = format!("{PREFIX}{}-", std::process::id());
    Ok(tempfile::Builder::new().prefix(&prefix).rand_bytes(4).tempdir()?)
}

/// Ends what test processes left behind that were killed before they could.
pub(super) fn sweep() {
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|n| n.strip_prefix(PREFIX)?.split('-').next()?.parse().ok());
        if let Some(owner) = owner.and_then(Pid::from_raw)
            && test_kill_process(owner) == Err(rustix::io::Errno::SRCH)
        {
            end(&entry.path());
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Kills all processes of that directory and takes its mounts away. Returns when none is left.
pub(super) fn end(dir: &Path) {
    let start = Instant::now();
    loop {
        let found = processes(dir);
        if found.is_empty() || start.elapsed() > PATIENCE {
            break;
        }
        for pid in found.into_iter().filter_map(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::yield_now();
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    let mut points: Vec<&str> = points.filter(|point| Path::new(point).starts_with(dir)).collect();
    // The inner ones first.
    points.sort_unstable_by(|a, b| b.cmp(a));
    for point in points {
        let umount =
            Command::new("umount").arg("-l").arg(point).stdin(Stdio::null()).stderr(Stdio::null()).status();
        if !umount.is_ok_and(|status| status.success()) {
            eprintln!("{point} could not be unmounted");
        }
    }
}

/// Processes whose command line names the directory, with all their descendants: containers do not name it, their shims do.
fn processes(dir: &Path) -> BTreeSet<i32> {
    let Some(dir) = dir.to_str() else { return BTreeSet::new() };
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let mut found = BTreeSet::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<i32>().ok()) else { continue };
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let program = command.split(|b| *b == 0).next().unwrap_or_default();
        let program = String::from_utf8_lossy(program.rsplit(|b| *b == b'/').next().unwrap_or_default());
        // Someone who merely looks into the directory (a shell, an editor) is left alone.
        let ours =
            ["dockerd", "containerd", "containerd-shim", "containerd-shim-runc-v2", "runc", "docker-proxy"];
        if pid != own && ours.contains(&program.as_ref()) && String::from_utf8_lossy(&command).contains(dir) {
            descend(pid, &mut found);
        }
    }
    found
}

fn descend(pid: i32, found: &mut BTreeSet<i32>) {
    if !found.insert(pid) {
        return;
    }
    for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|c| c.parse().ok()) {
            descend(child, found);
        }
    }
}
