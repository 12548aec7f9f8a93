//! What is refused: each with a clear error, the next step and an exit code, and nothing lost or left behind.

use crate::home::{Home, end};
use std::net::TcpListener;

/// Nothing was made in this home.
fn untouched(home: &Home) -> bool {
    std::fs::read_dir(home.path()).unwrap().count() == 0
}

#[test]
fn r41_asking_for_paths_and_status_creates_nothing() {
    let home = Home::new();
    home.ok(&["svc", "paths"]);
    home.ok(&["svc", "paths", "-o", "json"]);
    home.ok(&["svc", "paths", "-o", "shell"]);
    home.ok(&["svc", "status"]);
    home.fails(&["svc", "paths", "x"], 1, &["unknown key \"x\"; valid keys: dir, log_dir"]);
    assert!(untouched(&home));
}

#[test]
fn r41_an_unset_home_is_an_error_with_the_next_step() {
    let home = Home::new();
    for value in [None, Some(""), Some("relative")] {
        let mut command = home.command();
        match value {
            None => command.env_remove("HOME"),
            Some(value) => command.env("HOME", value),
        };
        let ended = end(command.args(["svc", "start"]));
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(
            ended.says("level=fatal") && ended.says("HOME") && ended.says("set it to a directory"),
            "{ended:?}"
        );
    }
}

#[test]
fn r42_an_unknown_controller_is_refused_before_anything_is_made() {
    let home = Home::new();
    for verb in ["create", "start", "serve"] {
        home.fails(
            &["svc", verb, "--controllers", "docker"],
            1,
            &["unknown controller \"docker\"; known: *, app, containers, engine"],
        );
        home.fails(&["svc", verb, "--controllers", "*,-docker"], 1, &["unknown controller \"docker\""]);
    }
    assert!(untouched(&home));
}

#[test]
fn r42_no_controllers_means_the_api_alone() {
    let home = Home::new();
    home.ok(&["svc", "start", "--controllers="]);
    let tree = home.ok(&["svc", "status", "--tree"]).stdout;
    assert!(tree.ends_with("root\n"), "{tree}");
    assert!(home.read("args_file").contains("--controllers="), "kept for the next start");
}

#[test]
fn an_instance_directory_that_can_not_be_made_says_so() {
    let home = Home::new();
    std::fs::write(home.path().join(".local"), "a file").unwrap();
    for args in [&["svc", "create"][..], &["svc", "start"], &["set", "running=true"], &["svc", "serve"]] {
        home.fails(
            args,
            1,
            &[
                "rancher-desktop-2 can not be created",
                "make it writable for you, or set HOME to another directory",
            ],
        );
    }
}

#[test]
fn a_log_directory_that_can_not_be_made_says_so_to_who_started() {
    let home = Home::new();
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let ended = end(home.command().env("RDD_LOG_DIR", file.join("logs")).args(["svc", "start"]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.says("can not be created") && ended.says("level=fatal"), "{ended:?}");
    assert_eq!(
        ended.stderr.matches("level=").count(),
        ended.stderr.lines().count(),
        "a line in a line: {ended:?}"
    );
    assert_eq!(home.pid(), 0);
}

#[test]
fn a_port_that_is_demanded_and_taken_is_an_error_and_one_that_is_only_wished_is_not() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let words = format!("port {port} is in use by another process; choose another with --secure-port");
    home.fails(&["svc", "serve", "--secure-port", &port], 1, &[&words]);
    home.fails(&["svc", "start", "--secure-port", &port], 1, &[&words]);
    assert_eq!(home.pid(), 0);
    // The instance was created with that port by the failed start; a later one may choose another for its run.
    drop(taken);
    home.ok(&["svc", "start"]);
    assert!(home.read("config").contains(&format!("https://127.0.0.1:{port}")));
    // The default port of this instance, taken by somebody: another one is.
    let default = TcpListener::bind("127.0.0.1:6447");
    home.ok(&["--instance", "4", "svc", "start"]);
    let config = home.ok(&["--instance", "4", "svc", "config"]).stdout;
    assert!(!config.contains(":6447"), "{config}");
    drop(default);
    home.ok(&["--instance", "4", "svc", "delete"]);
}

#[test]
fn a_second_daemon_on_the_same_instance_is_refused_and_the_first_goes_on() {
    let home = Home::new();
    home.ok(&["svc", "start"]);
    let pid = home.pid();
    let config = home.read("config");
    home.fails(
        &["svc", "serve"],
        1,
        &["control plane \"rancher-desktop-2\" is already running", "`rdd svc stop` stops it"],
    );
    assert_eq!((home.pid(), home.read("config")), (pid, config));
    home.ok(&["set", "--wait=false", "running=false"]);
}

#[test]
fn a_corrupt_database_is_set_aside_and_reported() {
    let home = Home::new();
    home.ok(&["set", "--wait=false", "running=false"]);
    home.ok(&["svc", "stop"]);
    let database = home.place("database");
    std::fs::write(&database, "this is not a database, and never was one".repeat(1000)).unwrap();
    home.ok(&["svc", "start"]);
    let aside = std::fs::read_dir(home.place("dir"))
        .unwrap()
        .any(|entry| entry.unwrap().file_name().to_string_lossy().starts_with("rdd.sqlite3.corrupt-"));
    assert!(aside, "the damaged file is kept");
    let log = home.ok(&["svc", "log"]).stdout;
    assert!(log.contains("level=error") && log.contains("the database was damaged"), "{log}");
    // Nothing could be saved from it, so the App is a new one.
    let created = home.ok(&["set", "--wait=false", "running=false"]);
    assert!(created.says("App created"), "{created:?}");
}

#[test]
fn a_damaged_args_file_says_what_to_do() {
    let home = Home::new();
    home.ok(&["svc", "create"]);
    std::fs::write(home.place("args_file"), "[").unwrap();
    home.fails(&["svc", "start"], 1, &["args.json is damaged", "rdd svc delete"]);
    home.ok(&["svc", "delete"]);
    home.ok(&["svc", "start"]);
}

#[test]
fn usage_errors_are_one_fatal_line() {
    let home = Home::new();
    let cases: [(&[&str], &str); 8] = [
        (&["svc", "status", "--instance", "x"], "unknown flag: --instance"),
        (&["--instance", "A_B", "svc", "status"], "invalid instance \"A_B\""),
        (&["--instance"], "flag needs an argument: --instance"),
        (&["--log-level", "x", "svc", "status"], "not a valid log level: \"x\""),
        (&["nonsense"], "unknown command \"nonsense\""),
        (&["svc", "start", "--timeout", "soon"], "invalid duration \"soon\""),
        (&["set"], "PROPERTY=VALUE"),
        (&["debug", "supervision"], "`rdd svc start` starts it"),
    ];
    for (args, words) in cases {
        let ended = home.fails(args, 1, &[words]);
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
        assert!(ended.stderr.contains("level=fatal msg="), "{ended:?}");
    }
    assert!(untouched(&home));
}
