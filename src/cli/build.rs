//! Build facts for `rdd version -o json`.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RDD_VERSION");
    println!("cargo::rerun-if-env-changed=RDD_COMMIT");
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| "unknown".to_owned());
    let said = Command::new(variable("RUSTC")).arg("--version").output();
    let rustc = said.ok().and_then(|out| String::from_utf8(out.stdout).ok());
    println!("cargo::rustc-env=RDD_RUSTC={}", rustc.as_deref().unwrap_or("unknown").trim());
    println!("cargo::rustc-env=RDD_TARGET={}", variable("TARGET"));
    println!("cargo::rustc-env=RDD_PROFILE={}", variable("PROFILE"));
}
