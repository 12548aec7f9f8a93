//! What is shared by the tests of one binary and must not outlive it.

use parking_lot::Mutex;

/// Something to do once, at the end.
type Job = Box<dyn FnOnce() + Send>;

static JOBS: Mutex<Vec<Job>> = Mutex::new(Vec::new());

/// Does something after the last test, also when tests failed or were given up. (Statics are never dropped.)
pub fn at_exit(job: impl FnOnce() + Send + 'static) {
    JOBS.lock().push(Box::new(job));
}

/// Does it all, the last first.
pub(super) fn run() {
    loop {
        let job = JOBS.lock().pop();
        match job {
            Some(job) => job(),
            None => return,
        }
    }
}
