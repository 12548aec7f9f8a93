use super::*;

fn environment(home: &str) -> Environment {
    Environment { home: Some(home.to_owned()), ..Environment::default() }
}

fn shown(platform: Platform, environment: &Environment) -> Vec<String> {
    let paths = Paths::of(&Instance::default(), platform, environment).unwrap();
    Key::ALL.map(|key| paths.get(key).to_string_lossy().into_owned()).to_vec()
}

#[test]
fn linux_keeps_state_and_logs_below_local() {
    assert_eq!(
        shown(Platform::Linux, &environment("/home/u")),
        [
            "/home/u/.local/share/rancher-desktop-2",
            "/home/u/.local/state/rancher-desktop-2",
            "/home/u/.rd2",
            "/home/u/.rd2/docker.sock",
            "/home/u/.local/share/rancher-desktop-2/tls",
            "/home/u/.local/share/rancher-desktop-2/config.yaml",
            "/home/u/.local/share/rancher-desktop-2/rdd.pid",
            "/home/u/.local/share/rancher-desktop-2/args.json",
            "/home/u/.local/share/rancher-desktop-2/rdd.sqlite3",
        ]
    );
}

#[test]
fn macos_keeps_them_in_the_library() {
    let shown = shown(Platform::MacOs, &environment("/Users/u/"));
    assert_eq!(shown[0], "/Users/u/Library/Application Support/rancher-desktop-2");
    assert_eq!(shown[1], "/Users/u/Library/Logs/rancher-desktop-2");
    assert_eq!(shown[3], "/Users/u/.rd2/docker.sock");
}

#[test]
fn windows_keeps_them_in_local_app_data_and_names_a_pipe() {
    let environment = Environment {
        home: Some(r"C:\Users\u".to_owned()),
        local_app_data: Some(r"C:\Users\u\AppData\Local".to_owned()),
        log_dir: None,
    };
    let shown = shown(Platform::Windows, &environment);
    assert_eq!(shown[0], r"C:\Users\u\AppData\Local\rancher-desktop-2");
    assert_eq!(shown[1], r"C:\Users\u\AppData\Local\rancher-desktop-2-logs");
    assert_eq!(shown[2], r"C:\Users\u\.rd2");
    assert_eq!(shown[3], r"\\.\pipe\rancher-desktop-2");
    assert_eq!(shown[5], r"C:\Users\u\AppData\Local\rancher-desktop-2\config.yaml");
}

#[test]
fn a_log_directory_of_ones_own_replaces_only_that() {
    let environment = Environment { log_dir: Some("/var/log/x".to_owned()), ..environment("/h") };
    let shown = shown(Platform::Linux, &environment);
    assert_eq!(shown[1], "/var/log/x");
    assert_eq!(shown[0], "/h/.local/share/rancher-desktop-2");
}

#[test]
fn r41_an_unset_or_unusable_home_is_an_error_with_the_next_step() {
    let of = |environment: &Environment| {
        Paths::of(&Instance::default(), Platform::Linux, environment).unwrap_err().to_string()
    };
    let unset = "HOME is not set; set it to a directory of yours that can be written";
    assert_eq!(of(&Environment::default()), unset);
    assert_eq!(of(&environment("")), unset);
    assert!(
        of(&environment("home/u")).starts_with(r#"HOME is "home/u", which is not an absolute path; set it"#)
    );
    let logs = Environment { log_dir: Some("logs".to_owned()), ..environment("/h") };
    assert!(of(&logs).starts_with("RDD_LOG_DIR is"));
    let windows = Environment { home: Some(r"C:\u".to_owned()), ..Environment::default() };
    let error = Paths::of(&Instance::default(), Platform::Windows, &windows).unwrap_err();
    assert_eq!(error, Error::Unset("LOCALAPPDATA"));
}

#[test]
fn r41_asking_creates_nothing() {
    let home = tempfile::tempdir().unwrap();
    let paths =
        Paths::of(&Instance::default(), Platform::Linux, &environment(&home.path().to_string_lossy()))
            .unwrap();
    assert!(Key::ALL.iter().all(|key| !paths.get(*key).exists()));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn r41_instances_share_no_path() {
    let of =
        |suffix| Paths::of(&Instance::parse(suffix).unwrap(), Platform::Linux, &environment("/h")).unwrap();
    let (one, two) = (of("1"), of("2"));
    assert!(Key::ALL.iter().all(|key| one.get(*key) != two.get(*key)));
}

#[test]
fn a_key_is_found_by_its_name_and_a_wrong_one_lists_them() {
    for key in Key::ALL {
        assert_eq!(Key::parse(key.as_str()), Ok(key));
    }
    let error = Key::parse("x").unwrap_err().to_string();
    assert_eq!(
        error,
        "unknown key \"x\"; valid keys: dir, log_dir, short_dir, docker_socket, tls_dir, config, pid_file, args_file, database"
    );
}
