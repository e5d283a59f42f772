#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A router out of network namespaces, for the tests of tier netns and for ./demo. Sourced, not run.
#
#   lan (eth0 10.77.1.2, fd77:1::2) -- lan0 [router, masquerade] wan0 -- eth0 (198.51.100.2, 2001:db8:51::2) wan
#
# Names are unique, nothing outside the namespaces is touched, and everything goes away on exit, also
# after a failure. nsenter, not `ip netns exec`: that would hide the bpffs behind a new /sys.

set -u
# shellcheck disable=SC2155
PC_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PC_BUILD=${PC_BUILD:-$PC_ROOT/build}
PC_PIDS=()
PC_BAD4=203.0.113.66
PC_BAD6=2001:db8:bad::66
PC_WAN4=198.51.100.2
PC_WAN6=2001:db8:51::2
PC_RTR4=198.51.100.1
PC_RTR6=2001:db8:51::1

# Exit status 77 is meson's "skipped"; PC_REQUIRE (set by CI) makes it a failure.
pc_skip() {
    echo "SKIP: $*"
    case ",${PC_REQUIRE:-}," in *,netns,*) echo "FAIL: tier netns is required here" && exit 1 ;; esac
    exit 77
}

pc_fail() {
    echo "FAIL: $*" >&2
    [ -s "${PC_WORK:-/nonexistent}/daemon.log" ] && sed 's/^/  daemon: /' "$PC_WORK/daemon.log" | tail -20 >&2
    [ -s "${PC_WORK:-/nonexistent}/inspect.log" ] && sed 's/^/  inspector: /' "$PC_WORK/inspect.log" | tail -20 >&2
    exit 1
}

pc_ok() { echo "ok: $*"; }

in_lan() { nsenter --net="/run/netns/$PC_NS-lan" "$@"; }
in_rtr() { nsenter --net="/run/netns/$PC_NS-rtr" "$@"; }
in_wan() { nsenter --net="/run/netns/$PC_NS-wan" "$@"; }

# Runs the command in the background in that namespace; its own process id, not that of a subshell
# around it, is in $! and remembered for the clean-up.
pc_background() { # lan|rtr|wan COMMAND...
    nsenter --net="/run/netns/$PC_NS-$1" "${@:2}" &
    PC_PIDS+=($!)
}

pc_wait_for() { # SECONDS COMMAND...: until the command succeeds
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -ge $end ] && return 1
        sleep 0.05
    done
}

pc_net_down() {
    local pid
    for pid in "${PC_PIDS[@]}"; do kill -9 "$pid" 2>/dev/null; done
    wait 2>/dev/null
    if [ -e "$PC_WORK/run/inspect.netns" ]; then
        umount "$PC_WORK/run/inspect.netns" 2>/dev/null
    fi
    local ns
    for ns in lan rtr wan far; do ip netns del "$PC_NS-$ns" 2>/dev/null; done
    mountpoint -q "$PC_WORK/bpf" && umount "$PC_WORK/bpf"
    rm -rf "$PC_WORK"
}

pc_link() { # NS-A DEV-A NS-B DEV-B
    ip link add name "$2" netns "$PC_NS-$1" type veth peer name "$4" netns "$PC_NS-$3" ||
        pc_fail "cannot create the veth pair $2 - $4"
    local pair ns dev
    for pair in "$1 $2" "$3 $4"; do
        ns=${pair% *} dev=${pair#* }
        nsenter --net="/run/netns/$PC_NS-$ns" sysctl -qw "net.ipv6.conf.$dev.accept_dad=0" \
            "net.ipv6.conf.$dev.dad_transmits=0"
        ip -n "$PC_NS-$ns" link set "$dev" up
    done
}

pc_net_up() { # PC_MASQUERADE=no: the router only routes
    [ "$(id -u)" = 0 ] || pc_skip "network namespaces need root"
    PC_NS=pc$$-$RANDOM
    PC_WORK=$(mktemp -d /tmp/portcullis.XXXXXX)
    trap pc_net_down EXIT
    trap 'exit 130' INT TERM
    local ns
    for ns in lan rtr wan; do
        ip netns add "$PC_NS-$ns" 2>/dev/null || pc_skip "ip netns add does not work here"
        ip -n "$PC_NS-$ns" link set lo up
    done
    pc_link lan eth0 rtr lan0
    pc_link rtr wan0 wan eth0
    # What XDP_TX sends into a veth waits there until the peer has an XDP program too.
    for ns in lan wan; do
        ip -n "$PC_NS-$ns" link set eth0 xdp obj "$PC_BUILD/tests/support/pass.bpf.o" sec xdp ||
            pc_fail "cannot attach an XDP program to a veth"
    done
    ip -n "$PC_NS-lan" addr add 10.77.1.2/24 dev eth0
    ip -n "$PC_NS-lan" addr add fd77:1::2/64 dev eth0 nodad
    ip -n "$PC_NS-rtr" addr add 10.77.1.1/24 dev lan0
    ip -n "$PC_NS-rtr" addr add fd77:1::1/64 dev lan0 nodad
    ip -n "$PC_NS-rtr" addr add $PC_RTR4/24 dev wan0
    ip -n "$PC_NS-rtr" addr add $PC_RTR6/64 dev wan0 nodad
    ip -n "$PC_NS-wan" addr add $PC_WAN4/24 dev eth0
    ip -n "$PC_NS-wan" addr add $PC_WAN6/64 dev eth0 nodad
    # A second address of the WAN host: the one that block lists name.
    ip -n "$PC_NS-wan" addr add $PC_BAD4/32 dev eth0
    ip -n "$PC_NS-wan" addr add $PC_BAD6/128 dev eth0 nodad
    ip -n "$PC_NS-lan" route add default via 10.77.1.1
    ip -n "$PC_NS-lan" -6 route add default via fd77:1::1
    ip -n "$PC_NS-rtr" route add 203.0.113.0/24 via $PC_WAN4
    ip -n "$PC_NS-rtr" -6 route add 2001:db8:bad::/48 via $PC_WAN6
    in_rtr sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    if [ "${PC_MASQUERADE:-yes}" = no ]; then
        ip -n "$PC_NS-wan" route add 10.77.1.0/24 via $PC_RTR4
        ip -n "$PC_NS-wan" -6 route add fd77:1::/64 via $PC_RTR6
    else
        in_rtr nft -f - <<'NFT' || pc_skip "nft masquerade does not work here"
table inet nat {
    chain post { type nat hook postrouting priority srcnat; oifname "wan0" masquerade; }
}
NFT
    fi
    mkdir -p "$PC_WORK/bpf" "$PC_WORK/run" "$PC_WORK/state"
    mount -t bpf bpf "$PC_WORK/bpf" || pc_skip "cannot mount a bpffs"
    : >"$PC_WORK/rules.toml"
}

pc_shell() { # the shell, in the router
    in_rtr "$PC_BUILD/ctl/portcullis" --run-dir "$PC_WORK/run" "$@"
}

pc_start_daemon() { # rules are in $PC_WORK/rules.toml
    pc_background rtr "$PC_BUILD/ctl/portcullisd" --foreground --config "$PC_WORK/rules.toml" \
        --run-dir "$PC_WORK/run" --state-dir "$PC_WORK/state" --bpffs "$PC_WORK/bpf/portcullis" \
        >>"$PC_WORK/daemon.log" 2>&1
    # shellcheck disable=SC2034 # for the tests that kill it
    PC_DAEMON=$!
    pc_wait_for 60 pc_shell show status || pc_fail "portcullisd does not answer"
}

pc_start_inspector() { # OPTION...
    pc_background rtr "$PC_BUILD/ctl/portcullis-inspect" --run-dir "$PC_WORK/run" \
        --state-dir "$PC_WORK/state" --bpffs "$PC_WORK/bpf/portcullis" --log "$PC_WORK/eve.json" "$@" \
        >>"$PC_WORK/inspect.log" 2>&1
    # shellcheck disable=SC2034
    PC_INSPECTOR=$!
    pc_wait_for 30 pc_inspector_up || pc_fail "portcullis-inspect does not come up"
}

pc_inspector_up() { pc_shell --json show inspect | grep -q '"state": *"up"'; }

# EXPRESSION over e, one event of the inspector's log, and p, its portcullis part: some line is so. A
# flow that is over has its line.
pc_logged() {
    pc_wait_for 8 /usr/bin/python3 -c "import json,sys
sys.exit(not any($1 for e in map(json.loads, open('$PC_WORK/eve.json')) for p in [e['portcullis']]))" ||
        pc_fail "no line of the log has $1: $(tail -20 "$PC_WORK/eve.json")"
    pc_ok "logged: $1"
}

# A UDP sink on that port of the router, ready; its process id is in PC_SINK, its count goes to FILE.
pc_start_sink() { # PORT FILE
    pc_background rtr /usr/bin/python3 "$PC_ROOT/tests/support/probe.py" sink "$1" >"$2"
    # shellcheck disable=SC2034
    PC_SINK=$!
    pc_wait_for 10 pc_listens "$1" || pc_fail "the sink does not start"
}
pc_listens() { in_rtr ss -Hlun "sport = :$1" | grep -q .; }

# One field of the JSON on standard input: a Python expression over `j`.
pc_json() { /usr/bin/python3 -c "import json,sys; j=json.load(sys.stdin); print($1)"; }

pc_packets() { # RULE: packets that it has counted
    pc_shell --json show rule "$1" | pc_json '(j.get("rule") or j)["packets"]'
}

pc_reason() { # REASON: packets under that drop (or pass) reason
    pc_shell --json show drops | pc_json "sum(r['packets'] for r in j['reasons'] if r['reason']=='$1')"
}

pc_certificate() { # $PC_WORK/cert.pem and key.pem
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=server.example -keyout "$PC_WORK/key.pem" -out "$PC_WORK/cert.pem" 2>/dev/null ||
        pc_fail "openssl cannot make a certificate"
}

# Servers on the WAN host, both families: HTTP 80 and 8080, HTTPS 443, TCP echo 23, 25, 2323, 7000; UDP echo 53, 7000.
pc_start_servers() {
    pc_certificate
    pc_background wan /usr/bin/python3 "$PC_ROOT/tests/support/servers.py" "$PC_WORK/cert.pem" \
        "$PC_WORK/key.pem" >>"$PC_WORK/servers.log" 2>&1
    pc_wait_for 10 in_wan curl -s -o /dev/null -m 1 "http://$PC_WAN4/" ||
        pc_fail "the servers of the WAN host do not start: $(cat "$PC_WORK/servers.log")"
}

# nginx on the WAN host, both families: HTTP 80, 81, 8080, 8081; HTTP/2 over TLS 443, 8443. /large has
# 20 MB, PUT /put takes what comes, everything else is "hello".
pc_start_nginx() {
    local www=$PC_WORK/www
    mkdir -p "$www"
    pc_certificate
    head -c 20000000 /dev/urandom >"$www/large"
    cat >"$PC_WORK/nginx.conf" <<NGINX
daemon off; user root; master_process off; pid $PC_WORK/nginx.pid; error_log $PC_WORK/servers.log;
events { worker_connections 4096; }
http {
    access_log off; keepalive_timeout 60; default_type text/plain; client_max_body_size 1g;
    client_body_temp_path $www/b; proxy_temp_path $www/p; fastcgi_temp_path $www/f; uwsgi_temp_path $www/u;
    scgi_temp_path $www/s; ssl_certificate $PC_WORK/cert.pem; ssl_certificate_key $PC_WORK/key.pem;
    server {
        $(printf 'listen %s; listen [::]:%s;' 80 80 81 81 8080 8080 8081 8081)
        listen 443 ssl http2; listen [::]:443 ssl http2; listen 8443 ssl http2; listen [::]:8443 ssl http2;
        location / { return 200 "hello\n"; }
        location = /large { root $www; }
        location = /put { root $www; dav_methods PUT; }
    }
}
NGINX
    pc_background wan nginx -e "$PC_WORK/nginx.log" -c "$PC_WORK/nginx.conf" >>"$PC_WORK/servers.log" 2>&1
    pc_wait_for 10 in_wan curl -s -o /dev/null -m 1 "http://$PC_WAN4/" ||
        pc_fail "nginx does not start: $(cat "$PC_WORK/servers.log" "$PC_WORK/nginx.log")"
}

# TCP connect and echo from a namespace: pc_tcp in_lan ADDRESS PORT [SOURCE]
pc_tcp() {
    "$1" /usr/bin/python3 "$PC_ROOT/tests/support/probe.py" tcp "${@:2}"
}
pc_udp() {
    "$1" /usr/bin/python3 "$PC_ROOT/tests/support/probe.py" udp "${@:2}"
}
pc_raw() { # pc_raw in_wan ADDRESS PROTOCOL COUNT [SOURCE]: raw IP packets of that protocol
    "$1" /usr/bin/python3 "$PC_ROOT/tests/support/probe.py" raw "${@:2}"
}
