//! Each program runs to its end and says what its first line of documentation promises.

use std::process::Command;

fn output(program: &str) -> String {
    let output = Command::new(program).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program}: {text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn embed_mirrors_a_container_and_deletes_it() {
    let text = output(env!("CARGO_BIN_EXE_embed"));
    assert!(text.contains("is running") && text.contains("0 containers"), "{text}");
}

#[test]
fn health_shows_every_actor_running() {
    let text = output(env!("CARGO_BIN_EXE_health"));
    for actor in
        ["docker_watcher", "mirror_writer", "action_dispatcher", "namespace_guardian", "condition_writer"]
    {
        assert!(text.lines().any(|line| line.contains(actor) && line.contains("Running")), "{actor}: {text}");
    }
}

#[test]
fn inject_restarts_the_writer_and_loses_nothing() {
    let text = output(env!("CARGO_BIN_EXE_inject"));
    assert!(text.contains("restarted 1 time(s)") && text.contains("is mirrored"), "{text}");
}

#[test]
fn trace_shows_the_way_from_the_event_to_the_write() {
    let text = output(env!("CARGO_BIN_EXE_trace"));
    assert!(text.contains("mirror_writer"), "{text}");
}
