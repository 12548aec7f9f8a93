//! Commands that need a daemon but no engine.

use crate::home::{Home, end, until};
use std::os::unix::fs::{PermissionsExt, symlink};

/// Puts a program on a PATH of its own.
fn fake(home: &Home, name: &str, script: &str) -> std::path::PathBuf {
    let bin = home.path().join("fake-bin");
    std::fs::create_dir_all(&bin).unwrap();
    let path = bin.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    bin
}

#[test]
fn r29_set_refuses_what_does_not_fit_the_published_schema() {
    let home = Home::new();
    let cases = [
        ("running", "invalid argument \"running\": expected PROPERTY=VALUE format"),
        ("=value", "invalid argument \"=value\": property name must not be empty"),
        (
            "nonexistent=v",
            "nonexistent: unknown property \"nonexistent\"; valid properties: containerEngine.name, ",
        ),
        ("kubernetes.x=v", "unknown property \"x\" under \"kubernetes\"; valid properties: "),
        (
            "containerEngine=moby",
            "\"containerEngine\" is an object; set its fields, e.g. \"containerEngine.name\"",
        ),
        ("running.x=1", "\"running\" is not an object and has no sub-properties"),
        ("running=yes", "invalid value \"yes\" for \"running\": expected boolean; use \"true\" or \"false\""),
        (
            "containerEngine.name=docker",
            "invalid value \"docker\" for \"containerEngine.name\": valid values: moby, containerd",
        ),
    ];
    for (argument, words) in cases {
        home.fails(&["set", argument], 1, &[words]);
    }
}

#[test]
fn r29_set_creates_then_updates_and_a_dry_run_stores_nothing() {
    let home = Home::new();
    let said = |args: &[&str], words: &str| {
        let ended = home.ok(args);
        assert!(ended.says(words), "{args:?}: {ended:?}");
    };
    said(&["set", "--dry-run", "running=true"], "App validated (dry run)");
    said(&["set", "--wait=false", "running=false"], "App created");
    said(&["set", "--dry-run", "running=true"], "App validated (dry run)");
    said(&["set", "--wait=false", "running=false"], "App updated");
}

#[test]
fn r31_a_wait_that_runs_out_names_what_was_awaited_and_exits_4() {
    let home = Home::new();
    // Without controllers nobody ever settles anything.
    home.ok(&["svc", "start", "--controllers="]);
    let words = ["App has not settled after 300ms; last seen: ", "context deadline exceeded"];
    home.fails(&["set", "--timeout", "300ms", "running=true"], 4, &words);
    home.fails(
        &["ctl", "wait-condition", "app/app", "Settled", "--timeout", "300ms"],
        4,
        &["context deadline exceeded"],
    );
}

#[test]
fn r31_a_wait_survives_a_restart_of_the_daemon_and_ends_when_the_app_is_deleted() {
    let home = Home::new();
    home.ok(&["svc", "start", "--controllers="]);
    let Some(_) = kubectl(&home) else { return };
    std::thread::scope(|scope| {
        let waiting =
            scope.spawn(|| home.rdd(&["--log-level", "debug", "set", "--timeout", "50s", "running=true"]));
        until("the App is there", || home.rdd(&["ctl", "get", "app", "app"]).code == Some(0));
        home.ok(&["svc", "stop"]);
        home.ok(&["svc", "start"]);
        assert!(!waiting.is_finished());
        home.ok(&["ctl", "delete", "app", "app"]);
        let ended = waiting.join().unwrap();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.says("App was deleted while waiting"), "{ended:?}");
    });
}

#[test]
fn r32_many_sets_at_once_all_succeed() {
    let home = Home::new();
    home.ok(&["svc", "start", "--controllers="]);
    let ended: Vec<_> = std::thread::scope(|scope| {
        let sets: Vec<_> =
            (0..8).map(|_| scope.spawn(|| home.rdd(&["set", "--wait=false", "running=true"]))).collect();
        sets.into_iter().map(|set| set.join().unwrap()).collect()
    });
    assert!(ended.iter().all(|ended| ended.code == Some(0)), "{ended:?}");
    assert_eq!(ended.iter().filter(|ended| ended.says("App created")).count(), 1, "{ended:?}");
}

#[test]
fn stop_without_an_app_says_so_and_creates_nothing() {
    let home = Home::new();
    let ended = home.ok(&["stop"]);
    assert!(ended.says("App does not exist; nothing to stop"), "{ended:?}");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn ctl_gives_kubectl_this_kubeconfig_and_passes_its_exit_code_on() {
    let home = Home::new();
    let bin = fake(&home, "kubectl", "echo \"$KUBECONFIG $*\"; exit 7");
    let ended = end(home.command().env("PATH", &bin).args(["ctl", "get", "--instance", "x", "--", "-h"]));
    assert_eq!(ended.code, Some(7), "{ended:?}");
    let config = home.place("config");
    assert_eq!(ended.stdout, format!("{} get --instance x -- -h\n", config.display()));
    // A child that a signal ends.
    let bin = fake(&home, "kubectl", "kill -TERM $$");
    assert_eq!(end(home.command().env("PATH", &bin).args(["ctl", "get"])).code, Some(128 + 15));
}

#[test]
fn without_a_kubectl_ctl_says_how_to_get_one_and_starts_nothing() {
    let home = Home::new();
    let ended = end(home.command().env("PATH", "/nonexistent").args(["ctl", "get", "pods"]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.says("no kubectl on PATH; install one"), "{ended:?}");
    assert_eq!(home.pid(), 0);
}

#[test]
fn called_kubectl_the_program_is_kubectl_with_the_kubeconfig_of_its_caller() {
    let home = Home::new();
    let bin = fake(&home, "kubectl", "echo \"$KUBECONFIG $*\"");
    // Earlier on PATH than the real one, and a link to ourselves: it must not find itself.
    let links = home.path().join("links");
    std::fs::create_dir(&links).unwrap();
    symlink(env!("CARGO_BIN_EXE_rdd"), links.join("kubectl")).unwrap();
    let path = std::env::join_paths([&links, &bin]).unwrap();
    let mut command = home.clean(links.join("kubectl"));
    let ended = end(command.env("PATH", path).env("KUBECONFIG", "/mine").args(["get", "--instance", "x"]));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "/mine get --instance x\n"), "{ended:?}");
    assert_eq!(home.pid(), 0, "kubectl starts no service");
}

#[test]
fn a_list_without_an_engine_is_an_empty_table() {
    let home = Home::new();
    let listed = home.ok(&["container", "ls"]);
    assert_eq!(
        listed.stdout.split_whitespace().collect::<Vec<_>>(),
        ["ID", "NAME", "IMAGE", "STATUS", "PORTS", "AGE"]
    );
    let json: serde_json::Value =
        serde_json::from_str(&home.ok(&["ctr", "ls", "-o", "json"]).stdout).unwrap();
    assert_eq!((json["kind"].as_str(), json["items"].as_array().map(Vec::len)), (Some("List"), Some(0)));
    home.fails(
        &["container", "inspect", "web"],
        1,
        &["no such container: \"web\"; `rdd container ls` lists them"],
    );
}

#[test]
fn r48_chaos_needs_developer_mode() {
    let home = Home::new();
    home.ok(&["svc", "start", "--controllers="]);
    let rule = r#"{"actor":"*","point":"handler","when":"always","fault":"panic"}"#;
    home.fails(&["debug", "chaos", "add", rule], 3, &["developer mode only"]);
    home.ok(&["svc", "stop"]);
    let developer = |args: &[&str]| end(home.command().env("RDD_DEVELOPER_MODE", "1").args(args));
    assert_eq!(developer(&["svc", "start"]).code, Some(0));
    assert!(developer(&["svc", "status"]).stdout.ends_with("developer mode is enabled\n"));
    assert_eq!(developer(&["debug", "chaos", "add", rule]).code, Some(0));
    let rules: serde_json::Value =
        serde_json::from_str(&developer(&["debug", "chaos", "ls"]).stdout).unwrap();
    assert_eq!(rules[0]["rule"]["fault"], "panic");
    assert_eq!(developer(&["debug", "chaos", "clear"]).stdout.trim(), "[]");
}

#[test]
fn help_and_version_need_no_home() {
    let home = Home::new();
    for args in
        [&["--help"][..], &[], &["version"], &["--version"], &["set", "--help"], &["completion", "bash"]]
    {
        let mut command = home.command();
        let ended = end(command.env_remove("HOME").args(args));
        assert_eq!(ended.code, Some(0), "{args:?} {ended:?}");
        assert!(!ended.stdout.is_empty() && ended.stderr.is_empty(), "{args:?} {ended:?}");
    }
    assert_eq!(home.ok(&["--version"]).stdout, home.ok(&["version"]).stdout);
    assert!(home.ok(&["set", "--help"]).stdout.contains("Available properties:"));
}

/// A kubectl of this machine. Tests that need one are few here: the matrix of clients is elsewhere.
fn kubectl(home: &Home) -> Option<()> {
    let found = end(home.clean("sh").args(["-c", "command -v kubectl"])).code == Some(0);
    if !found {
        eprintln!("skipped: no kubectl on PATH");
    }
    found.then_some(())
}
