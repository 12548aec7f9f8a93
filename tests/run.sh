#!/bin/sh
# Installs what the tests need, then checks everything: formatting, lints, documentation, dependencies, tests.
#
# What can not run on this machine is skipped, listed with the reason, and counted. With RDD_REQUIRE_ALL=1 a skip is a failure.
# RDD_TEST_KUBECTLS may name more kubectls (files or directories, joined by ':'). Arguments go to `cargo test`: tests/run.sh r15
set -eu
cd "$(dirname "$0")/.."

TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/rdd-tests.XXXXXX")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# Debian keeps dockerd where only the super user looks.
PATH=$PATH:/usr/sbin:/sbin
export PATH

skips=0
say() { printf '\n== %s\n' "$*"; }
skip() {
    printf 'skipped: %s\n' "$*"
    skips=$((skips + 1))
}
has() { command -v "$1" >/dev/null 2>&1; }

# Installs Debian packages, or says what to install. The tests that need them skip when this fails.
install() {
    say "installing $* (the tests need them)"
    if ! has apt-get; then
        echo "there is no apt-get here: please install $* yourself"
    elif [ "$(id -u)" = 0 ]; then
        apt_install "" "$@"
    elif has sudo && sudo -n true 2>/dev/null; then
        apt_install "sudo -n" "$@"
    else
        echo "not root, and sudo asks for a password. Please run: sudo apt-get install $*"
    fi
}
apt_install() {
    as=$1
    shift
    # $as is empty or two words.
    # shellcheck disable=SC2086
    { $as apt-get update -qq && $as env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@"; } >"$TMPDIR/apt.log" 2>&1 || {
        echo "apt-get did not install them:"
        tail -n 5 "$TMPDIR/apt.log"
    }
}

say "looking for what the tests need"
if ! has cargo; then
    echo "there is no cargo: install Rust from https://rustup.rs, then run this again"
    exit 1
fi
wanted=
has dockerd || wanted="$wanted docker.io"
has busybox || wanted="$wanted busybox-static"
has kubectl || [ -n "${RDD_TEST_KUBECTLS:-}" ] || wanted="$wanted kubernetes-client"
# Each is one word.
# shellcheck disable=SC2086
[ -z "$wanted" ] || install $wanted
for program in cargo dockerd busybox kubectl; do
    printf '%-8s %s\n' "$program" "$(command -v "$program" || echo 'not found: its tests are skipped')"
done
[ "$(id -u)" = 0 ] || echo "not root: tests with a dockerd of their own are skipped"

say "formatting (cargo fmt --check)"
if cargo fmt --version >/dev/null 2>&1; then
    cargo fmt --all --check
else
    skip "no rustfmt: rustup component add rustfmt"
fi

say "lints (cargo clippy)"
if cargo clippy --version >/dev/null 2>&1; then
    cargo clippy --workspace --all-targets --locked -- -D warnings
else
    skip "no clippy: rustup component add clippy"
fi

say "documentation (cargo doc)"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

say "dependencies (cargo deny)"
if cargo deny --version >/dev/null 2>&1; then
    # The advisories' database lives on the internet; these three do not need it.
    cargo deny --offline check bans licenses sources
else
    skip "no cargo-deny: cargo install cargo-deny --locked"
fi

say "the rdd binary"
cargo build --workspace --bin rdd --locked

say "tests (cargo test)"
# Shown as it comes, and kept for the summary. A pipe would hide cargo's exit code: it goes through a file.
{ cargo test --workspace --locked --no-fail-fast -- "$@" 2>&1 && echo 0 >"$TMPDIR/code" || echo $? >"$TMPDIR/code"; } |
    tee "$TMPDIR/tests.log"
status=$(cat "$TMPDIR/code")

say "summary"
awk '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
     END { printf "tests: %d passed, %d failed, %d ignored\n", passed, failed, ignored }' "$TMPDIR/tests.log"
grep '^skipped: ' "$TMPDIR/tests.log" | sort | uniq -c | sed 's/^ *[0-9]* //' || true
if [ "$skips" -gt 0 ]; then
    echo "checks skipped: $skips (see above)"
    [ "${RDD_REQUIRE_ALL:-}" != 1 ] || { echo "RDD_REQUIRE_ALL=1: a skip is a failure"; exit 1; }
fi
[ "$status" = 0 ] && echo "all is well" || echo "something failed: see above"
exit "$status"
