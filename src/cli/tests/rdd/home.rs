//! A home directory of its own, and the built program in it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A home directory. When it goes, so does the daemon that was started in it.
pub(crate) struct Home {
    dir: tempfile::TempDir,
}

/// What a program came to.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code.
    pub(crate) code: Option<i32>,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it logged and said.
    pub(crate) stderr: String,
}

/// No command of these tests takes this long; one that does hangs.
const HANGS: Duration = Duration::from_secs(60);

impl Home {
    pub(crate) fn new() -> Home {
        Home { dir: tempfile::Builder::new().prefix("rdd-cli-").tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The program, with nothing of the caller's environment that could lead it elsewhere.
    pub(crate) fn command(&self) -> Command {
        self.clean(env!("CARGO_BIN_EXE_rdd"))
    }

    /// Any program in this home.
    pub(crate) fn clean(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // A directory without an engine's socket: what these tests start must find none.
        command.env("DOCKER_HOST", format!("unix://{}/no-engine.sock", self.path().display()));
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn rdd(&self, args: &[&str]) -> Ended {
        end(self.command().args(args))
    }

    /// Runs the program and expects success.
    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> Ended {
        let ended = self.rdd(args);
        assert_eq!(ended.code, Some(0), "{args:?}: {ended:?}");
        ended
    }

    /// Runs the program and expects this exit code, and these words on stderr.
    #[track_caller]
    pub(crate) fn fails(&self, args: &[&str], code: i32, words: &[&str]) -> Ended {
        let ended = self.rdd(args);
        assert_eq!(ended.code, Some(code), "{args:?}: {ended:?}");
        for word in words {
            assert!(ended.says(word), "{args:?} does not say {word:?}: {ended:?}");
        }
        ended
    }

    /// A place of the instance, by its key.
    pub(crate) fn place(&self, key: &str) -> PathBuf {
        PathBuf::from(self.ok(&["svc", "paths", key]).stdout.trim())
    }

    /// The daemon's pid; 0: none runs.
    pub(crate) fn pid(&self) -> u32 {
        let status = self.ok(&["svc", "status"]).stdout;
        status.lines().find_map(|line| line.split("PID is: ").nth(1)).unwrap().parse().unwrap()
    }

    pub(crate) fn read(&self, key: &str) -> String {
        std::fs::read_to_string(self.place(key)).unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = end(self.command().args(["svc", "stop", "--timeout", "20s"]));
    }
}

impl Ended {
    /// Whether it said this to the user, quotes as they were written.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.stderr.replace("\\\"", "\"").contains(words)
    }
}

/// Runs a program to its end, and to the end of its pipes: a process that it left behind must not hold them.
pub(crate) fn end(command: &mut Command) -> Ended {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(read(&mut child)));
    ended.recv_timeout(HANGS).unwrap_or_else(|_| {
        let _ = Command::new("kill").arg("-9").arg(pid.to_string()).status();
        panic!("{command:?} hangs");
    })
}

fn read(child: &mut Child) -> Ended {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let mut err = child.stderr.take().unwrap();
    let reading = std::thread::spawn(move || {
        err.read_to_string(&mut stderr).unwrap();
        stderr
    });
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    let stderr = reading.join().unwrap();
    Ended { code: child.wait().unwrap().code(), stdout, stderr }
}

/// Waits for something that another process does.
#[allow(clippy::disallowed_methods)]
pub(crate) fn until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..600 {
        if done() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("never: {what}");
}
