//! A process that is killed while it writes.

use super::*;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

const DIRECTORY: &str = "RDD_STORE_TEST_CHILD";
const ROUNDS: usize = 3;

/// The child: started by the test below, it writes until it is killed, and says what was acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn child_that_writes() {
    let Ok(dir) = std::env::var(DIRECTORY) else { return };
    let store = open(Path::new(&dir));
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in 0_u64.. {
                    let value = format!("{n} {}", "x".repeat(500));
                    let revision = store.commit(ops([put(&format!("t/{task:02}"), value)])).await.unwrap();
                    // One write per line: lines of tasks do not mix.
                    std::io::stdout().write_all(format!("\nack {task} {n} {revision}\n").as_bytes()).unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn every_acknowledged_write_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut newest = Revision(0);
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::kill::child_that_writes", "--nocapture", "--test-threads=1"])
            .env(DIRECTORY, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = std::collections::BTreeMap::new();
        let mut note = |line: String| {
            let words: Vec<_> = line.split(' ').collect();
            if let ["ack", task, n, revision] = words[..] {
                acknowledged.insert(task.parse::<u32>().unwrap(), n.parse::<u64>().unwrap());
                newest = newest.max(Revision(revision.parse().unwrap()));
            }
        };
        for line in lines.by_ref().take(400 + 300 * round) {
            note(line.unwrap());
        }
        child.kill().unwrap();
        lines.map_while(Result::ok).for_each(note);
        child.wait().unwrap();
        let (store, salvage) = Store::open(in_dir(dir.path())).unwrap();
        assert_eq!(salvage.set_aside, None);
        assert!(store.revision() >= newest);
        assert!(acknowledged.len() == 16);
        for (task, n) in acknowledged {
            let value = text(&store, &format!("t/{task:02}")).await.unwrap();
            let stored: u64 = value.split(' ').next().unwrap().parse().unwrap();
            // At most one more had been written and not said.
            assert!(stored == n || stored == n + 1, "task {task}: {n} acknowledged, {stored} stored");
        }
        store.close().await;
    }
}
