//! The life of a daemon, through the program alone.

use crate::home::{Home, end, until};
use std::os::unix::fs::PermissionsExt;

const NAME: &str = "\"rancher-desktop-2\" control plane";

#[test]
fn a_daemon_is_created_started_stopped_and_deleted() {
    let home = Home::new();
    let said = |args: &[&str], words: &str| {
        let ended = home.ok(args);
        assert!(
            ended.says(&format!("{NAME} {words}")) || ended.says(&format!("{words} {NAME}")),
            "{args:?} {words}: {ended:?}"
        );
        assert!(ended.stdout.is_empty(), "texts are for stderr: {ended:?}");
    };
    let status = |created: bool, started: bool| {
        let shown = home.ok(&["svc", "status"]).stdout;
        assert!(shown.contains(&format!("{NAME} has been created: {created}\n")), "{shown}");
        assert!(shown.contains(&format!("{NAME} has been started: {started}\n")), "{shown}");
        assert_eq!(shown.contains("PID is: 0\n"), !started, "{shown}");
        assert_eq!(shown.lines().count(), 3);
    };
    status(false, false);
    said(&["svc", "stop"], "does not exist");
    said(&["svc", "create"], "successfully created");
    said(&["svc", "create"], "already exists");
    status(true, false);
    said(&["svc", "stop"], "is already stopped");
    said(&["svc", "start"], "is ready");
    status(true, true);
    said(&["svc", "start"], "is already running");
    let config = home.place("config");
    assert_eq!(home.ok(&["svc", "config"]).stdout, std::fs::read_to_string(&config).unwrap());
    said(&["svc", "stop"], "has stopped");
    status(true, false);
    assert!(!config.exists(), "the kubeconfig goes with the daemon");
    said(&["svc", "start"], "is ready");
    said(&["service", "delete"], "has been deleted");
    status(false, false);
    for key in ["dir", "log_dir", "short_dir"] {
        assert!(!home.place(key).exists(), "{key}");
    }
}

#[test]
fn directories_and_files_are_private() {
    let home = Home::new();
    home.ok(&["svc", "start"]);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.place("dir")), 0o700);
    for key in ["config", "pid_file", "args_file", "database"] {
        assert_eq!(mode(&home.place(key)), 0o600, "{key}");
    }
    for entry in std::fs::read_dir(home.place("log_dir"))
        .unwrap()
        .chain(std::fs::read_dir(home.place("tls_dir")).unwrap())
    {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn token_port_and_data_survive_a_restart_and_a_kill() {
    let home = Home::new();
    home.ok(&["set", "--wait=false", "running=false"]);
    let config = home.read("config");
    home.ok(&["svc", "stop"]);
    home.ok(&["svc", "start"]);
    assert_eq!(home.read("config"), config);
    let pid = home.pid();
    assert!(std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
    // No waiting in between: a start must cope with a predecessor that is still on its way out.
    home.ok(&["svc", "start"]);
    assert_ne!(home.pid(), pid);
    assert_eq!(home.read("config"), config);
    let again = home.ok(&["set", "--wait=false", "running=false"]);
    assert!(again.says("App updated"), "{again:?}");
}

#[test]
fn a_pid_file_of_another_process_counts_as_absent() {
    let home = Home::new();
    home.ok(&["svc", "create"]);
    std::fs::write(home.place("pid_file"), format!("{}\n", std::process::id())).unwrap();
    assert_eq!(home.pid(), 0);
    let stopped = home.ok(&["svc", "stop"]);
    assert!(stopped.says("is already stopped"), "{stopped:?}");
    home.ok(&["svc", "start"]);
    assert_ne!(home.pid(), std::process::id());
}

#[test]
fn each_start_has_logs_of_its_own() {
    let home = Home::new();
    for _ in 0..2 {
        let mut start = home.command();
        start.env("RDD_LOG_TITLE", "a test").args(["svc", "start"]);
        assert_eq!(end(&mut start).code, Some(0));
        home.ok(&["svc", "stop"]);
    }
    let logs = home.place("log_dir");
    for name in ["rdd.stdout.log", "rdd.stderr.log", "rdd.stdout.1.log", "rdd.stderr.1.log"] {
        let text = std::fs::read_to_string(logs.join(name)).unwrap();
        assert!(text.starts_with("=== a test ===\n"), "{name}: {text}");
    }
    assert!(home.ok(&["svc", "log"]).stdout.starts_with("=== a test ===\n"));
    let mut delete = home.command();
    delete.env("RDD_KEEP_LOGS", "1").args(["svc", "delete"]);
    assert_eq!(end(&mut delete).code, Some(0));
    assert!(logs.join("rdd.stderr.log").exists());
}

#[test]
fn instances_live_side_by_side() {
    let home = Home::new();
    home.ok(&["svc", "start"]);
    home.ok(&["--instance", "other", "svc", "start"]);
    let other = home.ok(&["--instance=other", "svc", "status"]).stdout;
    assert!(other.contains("\"rancher-desktop-other\" control plane has been started: true"), "{other}");
    let other = home.ok(&["--instance=other", "svc", "config"]).stdout;
    assert_ne!(other, home.read("config"));
    home.ok(&["--instance=other", "svc", "delete"]);
    assert_ne!(home.pid(), 0);
}

#[test]
fn r51_a_start_in_a_command_substitution_returns_and_inherits_nothing() {
    let home = Home::new();
    // Descriptor 9 is a pipe that this shell keeps open for whatever it starts; `cat` ends when nobody holds it any more.
    let script = format!(
        "exec 9>&1; x=$({rdd} svc start 2>&1); {rdd} set --wait=false running=false 2>&1 | cat; echo done",
        rdd = env!("CARGO_BIN_EXE_rdd")
    );
    let ended = end(home.clean("sh").args(["-c", &script]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.ends_with("done\n"), "{ended:?}");
    let pid = home.pid();
    let target = |fd: &str| std::fs::read_link(format!("/proc/{pid}/fd/{fd}")).unwrap();
    assert_eq!(target("0").to_str(), Some("/dev/null"));
    assert_eq!(target("1"), home.place("log_dir").join("rdd.stdout.log"));
    assert_eq!(target("2"), home.place("log_dir").join("rdd.stderr.log"));
    let pipes = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().filter(|entry| {
        let link = std::fs::read_link(entry.as_ref().unwrap().path()).unwrap_or_default();
        link.to_string_lossy().starts_with("pipe:")
    });
    assert_eq!(pipes.count(), 0, "a pipe of somebody else's");
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = stat.rsplit(')').next().unwrap().split_whitespace().nth(3).unwrap();
    assert_eq!(session, pid.to_string(), "a session of its own");
    assert_eq!(std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap(), home.place("dir"));
}

#[test]
fn a_daemon_in_the_foreground_is_created_found_and_as_small_as_one_in_the_background() {
    let home = Home::new();
    let mut serving = home.command();
    let mut serving = serving.args(["svc", "serve"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    // Waits until it is ready; starts none of its own while that one runs.
    until("it runs", || home.pid() != 0);
    home.ok(&["set", "--wait=false", "running=false"]);
    assert_eq!(home.pid(), serving.id());
    let environment = std::fs::read(format!("/proc/{}/environ", serving.id())).unwrap();
    let limited = environment.split(|byte| *byte == 0).any(|entry| entry == b"MALLOC_ARENA_MAX=1");
    assert!(limited, "its memory is that of one in the background");
    assert!(home.ok(&["stop", "--wait=false"]).says("App updated"));
    assert!(home.ok(&["svc", "stop"]).says("has stopped"));
    assert!(serving.wait().unwrap().success());
    let status = home.ok(&["svc", "status"]).stdout;
    assert!(status.contains("has been created: true"), "{status}");
}

#[test]
fn a_second_signal_ends_a_daemon_whose_workers_are_all_blocked() {
    let home = Home::new();
    let developer = |args: &[&str]| end(home.command().env("RDD_DEVELOPER_MODE", "1").args(args));
    assert_eq!(developer(&["svc", "start"]).code, Some(0));
    let rule = r#"{"actor":"watch.*","point":"job","when":"always","fault":{"block":{"secs":45,"nanos":0}}}"#;
    assert_eq!(developer(&["debug", "chaos", "add", rule]).code, Some(0));
    until("nobody answers", || home.rdd(&["svc", "start", "--timeout", "300ms"]).code == Some(4));
    let pid = home.pid();
    let signal = |name: &str| {
        let sent = std::process::Command::new("kill").args([name, &pid.to_string()]).status();
        assert!(sent.unwrap().success());
    };
    signal("-INT");
    let gone = || home.pid() == 0;
    // The two must not arrive as one: the first is heard when nobody is awaited any more, which shows in nothing but the log.
    let log = home.place("log_dir").join("rdd.stderr.log");
    until("it hears", || gone() || std::fs::read_to_string(&log).unwrap().contains("is stopping"));
    signal("-TERM");
    until("it ends", gone);
}

#[test]
fn many_starts_at_once_give_one_daemon() {
    let home = Home::new();
    let ended: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..6).map(|_| scope.spawn(|| home.rdd(&["svc", "start"]))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert!(ended.iter().all(|ended| ended.code == Some(0)), "{ended:?}");
    let pid = home.pid();
    assert_ne!(pid, 0);
    home.ok(&["svc", "start"]);
    assert_eq!(home.pid(), pid);
}
