#!/bin/sh
# From a fresh clone to your containers as Kubernetes resources.
#
#   examples/quickstart.sh          builds rdd, starts it on your engine (or on one of its own), shows a sample container live
#   examples/quickstart.sh --down   undoes that: sample, the daemon's instance and the engine, if this script made them
#
# It may be run again at any time. Without an engine of yours it starts a dockerd under ~/.local/state/rdd-quickstart.
set -eu
cd "$(dirname "$0")/.."

PATH=$PATH:/usr/sbin:/sbin
rdd=$PWD/target/release/rdd
state=${HOME:?HOME is not set}/.local/state/rdd-quickstart
own_socket=$state/docker.sock
sample=rdd-sample
image=rdd-sample:latest

say() { printf '\n== %s\n' "$*"; }
has() { command -v "$1" >/dev/null 2>&1; }
fail() {
    printf '\nerror: %s\n' "$*" >&2
    exit 1
}
# Runs something as the super user, without asking for a password unless somebody is there to type it.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif has sudo && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        sudo "$@"
    else
        return 1
    fi
}
# Waits until a command succeeds; at most so many seconds.
within() {
    tenths=$(($1 * 10))
    shift
    until "$@" >/dev/null 2>&1; do
        tenths=$((tenths - 1))
        [ "$tenths" -gt 0 ] || return 1
        sleep 0.1
    done
}
answers() { docker -H "$1" version >/dev/null 2>&1; }
# A dockerd that is not ours never gets a signal: the pid must be that of a process that holds our socket's path.
own_pid() {
    pid=$(cat "$state/docker.pid" 2>/dev/null) && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "$own_socket" && echo "$pid"
}
not_running() { ! own_pid; }

down() {
    say "removing the sample containers and their image"
    for host in "${DOCKER_HOST:-unix:///var/run/docker.sock}" "unix://$own_socket"; do
        if has docker && answers "$host"; then
            docker -H "$host" rm -f "$sample" "$sample-2" >/dev/null 2>&1 || true
            docker -H "$host" rmi "$image" >/dev/null 2>&1 || true
        fi
    done
    if [ -e "$state/instance-is-ours" ] && [ -x "$rdd" ]; then
        say "stopping and deleting the rdd instance"
        "$rdd" svc delete || true
    elif [ -x "$rdd" ]; then
        say "the rdd instance was there before this script ran: it stays (rdd svc delete removes it)"
    fi
    if own_pid >/dev/null; then
        say "stopping the dockerd that this script started"
        as_root kill "$(own_pid)" || fail "not allowed to stop it; run: sudo kill $(own_pid)"
        within 30 not_running || fail "it has not stopped; see $state/dockerd.log"
    fi
    if [ -d "$state" ]; then
        as_root rm -rf "$state" || fail "not allowed to remove $state; run: sudo rm -rf $state"
    fi
    say "all undone (the build in target/ stays)"
}

install() {
    say "installing $* with apt-get"
    has apt-get || fail "there is no apt-get here. Please install $* yourself, then run this again"
    if ! { as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }; then
        fail "could not install them. Please run: sudo apt-get install $* ; then run this again"
    fi
}

start_engine() {
    say "starting a dockerd of its own: files, socket and log under $state"
    has dockerd || fail "there is no dockerd, and none could be installed"
    mkdir -p "$state"
    # No bridge and no iptables: nothing of this machine's network is touched.
    as_root sh -c "setsid nohup dockerd --data-root '$state/data' --exec-root '$state/exec' --pidfile '$state/docker.pid' \
        -H 'unix://$own_socket' -G '$(id -gn)' --bridge=none --iptables=false \
        >'$state/dockerd.log' 2>&1 </dev/null &" || fail "a dockerd needs root: run this with sudo, or start Docker yourself"
    if ! within 30 answers "unix://$own_socket"; then
        tail -n 15 "$state/dockerd.log" >&2 || true
        fail "the dockerd does not answer; the end of its log is above"
    fi
    echo "stop it with: examples/quickstart.sh --down"
}

# Prints the endpoint of a running engine that rdd can attach to.
find_engine() {
    for host in "${DOCKER_HOST:-}" unix:///var/run/docker.sock "unix://$own_socket"; do
        case $host in
        unix://* | tcp://*) answers "$host" && echo "$host" && return 0 ;;
        esac
    done
    return 1
}

make_image() {
    say "making the sample image $image from busybox"
    busybox=$(command -v busybox || true)
    if [ -z "$busybox" ] || ldd "$busybox" >/dev/null 2>&1; then
        install busybox-static
        busybox=$(command -v busybox)
    fi
    root=$(mktemp -d)
    mkdir -p "$root/bin" "$root/tmp"
    cp "$busybox" "$root/bin/busybox"
    ln -s busybox "$root/bin/sh"
    ln -s busybox "$root/bin/sleep"
    tar -C "$root" -c . | docker -H "$endpoint" import --change 'CMD ["/bin/sleep", "86400"]' - "$image" >/dev/null
    rm -rf "$root"
}

# One line of what is done, then a moment for the eye.
show() {
    printf '$ docker %s\n' "$*"
    docker -H "$endpoint" "$@" >/dev/null
    sleep 1
}

case ${1:-} in
'') ;;
--down)
    down
    exit
    ;;
*)
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    [ "$1" = --help ] || [ "$1" = -h ] || exit 1
    exit
    ;;
esac

say "looking for what is needed"
has cargo || fail "there is no cargo: install Rust from https://rustup.rs, then run this again"
has cc || install gcc libc6-dev
has docker || install docker.io
echo "cargo: $(command -v cargo)"
echo "docker: $(command -v docker)"

say "building rdd (cargo build --release; some minutes the first time)"
cargo build --release --locked
[ -x "$rdd" ] || rdd=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/rdd

say "looking for a container engine"
if ! endpoint=$(find_engine); then
    has dockerd || install docker.io
    # Installing the package may just have started one.
    if ! endpoint=$(find_engine); then
        start_engine
        endpoint=unix://$own_socket
    fi
fi
echo "engine: $endpoint"

docker -H "$endpoint" image inspect "$image" >/dev/null 2>&1 || make_image

say "starting the rdd daemon, and mirroring this engine (rdd svc start; rdd set running=true …)"
if "$rdd" svc status 2>&1 | grep -q 'has been created: false'; then
    mkdir -p "$state"
    touch "$state/instance-is-ours"
fi
"$rdd" svc start
"$rdd" set running=true machine.driver=external "machine.endpoint=$endpoint"

say "watching the containers as Kubernetes resources (rdd container ls -w), while docker works on some"
docker -H "$endpoint" rm -f "$sample" "$sample-2" >/dev/null 2>&1 || true
"$rdd" container ls -w &
watcher=$!
trap 'kill "$watcher" 2>/dev/null || true' EXIT INT TERM
sleep 1
show run -d --network none --name "$sample" "$image"
show pause "$sample"
show unpause "$sample"
show run -d --network none --name "$sample-2" "$image"
show rename "$sample-2" "$sample-renamed"
show rename "$sample-renamed" "$sample-2"
show stop -t 0 "$sample-2"
show start "$sample-2"
show rm -f "$sample-2"
kill "$watcher" 2>/dev/null || true
wait "$watcher" 2>/dev/null || true
trap - EXIT INT TERM

id=$(docker -H "$endpoint" inspect --format '{{.Id}}' "$sample")
dir=$(dirname "$rdd")
say "that was it. $sample still runs; go on with:"
cat <<TEXT
  export PATH="$dir:\$PATH"
  rdd container ls -w          # watch; use docker in another window
  rdd container stop $sample   # through the API: an annotation, acted upon in the engine
  rdd container rm $sample     # deletes the resource, and with it the container
  rdd --help
TEXT
if has kubectl; then
    cat <<TEXT
  rdd ctl get containers -w                     # the same with kubectl
  rdd ctl annotate container $id containers.rancherdesktop.io/action=restart
TEXT
fi
echo "and when you have seen enough: examples/quickstart.sh --down"
