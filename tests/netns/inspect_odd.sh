#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Inspected flows on routers that are set up in odd ways, ended and only looked at (mode "peek"), IPv4 and IPv6: source
# validation by mark, SYN cookies for all, a firewall that drops what is for the router, small MTUs near and far. Then under
# load: commits, and an inspector that is killed and started again.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
PC_MASQUERADE=${1:-yes} pc_net_up
cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[zone.lan]
interfaces = ["lan0"]
[zone.wan]
interfaces = ["wan0"]
default = "drop"
established = true
[inspect.ended]
mode = "terminate"
on_down = "pass"
deny = ["bad.example"]
[inspect.ended-shut]
mode = "terminate"
on_down = "drop"
deny = ["bad.example"]
[inspect.peeked]
mode = "peek"
on_down = "pass"
deny = ["bad.example"]
[inspect.peeked-shut]
mode = "peek"
on_down = "drop"
deny = ["bad.example"]
[[rule]]
name = "ended"
in = "lan"
out = "wan"
proto = "tcp"
dport = [80, 7100]
action = "inspect"
inspect = "ended"
[[rule]]
name = "ended-shut"
in = "lan"
out = "wan"
proto = "tcp"
dport = 81
action = "inspect"
inspect = "ended-shut"
[[rule]]
name = "peeked"
in = "lan"
out = "wan"
proto = "tcp"
dport = [7101, 8080]
action = "inspect"
inspect = "peeked"
[[rule]]
name = "peeked-shut"
in = "lan"
out = "wan"
proto = "tcp"
dport = 8081
action = "inspect"
inspect = "peeked-shut"
TOML
pc_start_nginx
pc_start_daemon
pc_start_inspector
in_inspector() { nsenter --net="$PC_WORK/run/inspect.netns" "$@"; }
clients() { in_lan timeout 60 /usr/bin/python3 "$PC_ROOT/tests/support/clients.py" "$@"; }
allowed_are() { [ "$(allowed)" = "$1" ]; }
allowed() { pc_shell --json show inspect | pc_json "sum(i['allowed'] for i in j['inspects'])"; }
get() { # ADDRESS PORT NAME [PATH]: the status; 000 for none
    local address=$1
    [[ $1 == *:* ]] && address="[$1]"
    in_lan curl -s -m 10 -o "$PC_WORK/body" -w '%{http_code}' --connect-to "$3:$2:$address:$2" "http://$3:$2/${4:-}"
}

check() { # WORDS: flows of both kinds and families are inspected and come whole
    local wan port before
    before=$(allowed)
    for wan in "$PC_WAN4" "$PC_WAN6"; do
        for port in 80 8080; do
            [ "$(get "$wan" $port shop.example large)" = 200 ] || pc_fail "$1: 20 MB from $wan, port $port"
            cmp -s "$PC_WORK/body" "$PC_WORK/www/large" || pc_fail "$1: 20 MB from $wan, port $port, are not whole"
            [ "$(get "$wan" $port bad.example)" = 000 ] || pc_fail "$1: bad.example at $wan, port $port, is let through"
        done
    done
    # The inspector writes its counters out now and then.
    pc_wait_for 5 allowed_are $((before + 4)) || pc_fail "$1: $(($(allowed) - before)) of 4 flows were inspected"
    pc_ok "$1: ended and peeked, IPv4 and IPv6"
}

check_settings() {
    in_rtr sysctl -qw net.ipv4.conf.{all,default,lan0,wan0,insp0}.src_valid_mark=1 \
        net.ipv4.conf.{all,default,lan0,wan0}.rp_filter=1
    check "source validation by mark, strict"
    in_rtr sysctl -qw net.ipv4.tcp_syncookies=2
    in_inspector sysctl -qw net.ipv4.tcp_syncookies=2
    local before after
    before=$(in_inspector nstat -asz TcpExtSyncookiesRecv | awk '/Syncookies/ { print $2 }')
    check "SYN cookies for all"
    after=$(in_inspector nstat -asz TcpExtSyncookiesRecv | awk '/Syncookies/ { print $2 }')
    [ "$after" -ge $((before + 4)) ] || pc_fail "no SYN cookie came back: $before, then $after"
    in_rtr sysctl -qw net.ipv4.tcp_syncookies=1
    in_inspector sysctl -qw net.ipv4.tcp_syncookies=1
}

# As ufw and others have it: nothing is for the router but what it asked for, it asks for nothing but by the inspector,
# and forwards nothing but what the LAN began.
check_firewall() {
    in_rtr nft -f - <<'NFT' || pc_fail "nft refuses the firewall"
table inet ufw {
    chain in {
        type filter hook input priority filter; policy drop;
        iifname "lo" accept
        ct state established,related accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } accept
        fib daddr type != local counter name stray drop
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state invalid drop
        ct state established,related accept
        iifname "lan0" oifname "wan0" accept
    }
    chain out {
        type filter hook output priority filter; policy drop;
        oifname "lo" accept
        ct state established,related accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        meta mark & 0x10000000 == 0x10000000 counter name onward accept
    }
    counter stray { }
    counter onward { }
}
NFT
    check "a firewall that drops all but what is needed"
    in_rtr nft list counter inet ufw stray | grep -q 'packets 0 ' || pc_fail "diverted packets meet the host's firewall"
    in_rtr nft list counter inet ufw onward | grep -q 'packets 0 ' && pc_fail "the onward connections have no mark"
    in_rtr nft delete table inet ufw
    if ! in_rtr iptables -P INPUT DROP || ! in_rtr ip6tables -P INPUT DROP; then pc_fail "iptables refuses a policy"; fi
    in_rtr iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    in_rtr ip6tables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    in_rtr ip6tables -A INPUT -p ipv6-icmp -j ACCEPT
    check "the same by iptables"
    in_rtr iptables -P INPUT ACCEPT
    in_rtr ip6tables -P INPUT ACCEPT
}

check_mtu() {
    local server port
    in_rtr ip link set wan0 mtu 1400
    in_wan ip link set eth0 mtu 1400
    check "MTU 1400 at the WAN"
    in_rtr ip link set wan0 mtu 1500
    in_wan ip link set eth0 mtu 1500
    # A server behind a link that only the routers on the way know to be narrow.
    ip netns add "$PC_NS-far" && ip -n "$PC_NS-far" link set lo up
    pc_link wan far0 far eth0
    ip -n "$PC_NS-wan" addr add 203.0.113.129/30 dev far0
    ip -n "$PC_NS-wan" addr add 2001:db8:bad:1::1/64 dev far0 nodad
    ip -n "$PC_NS-far" addr add 203.0.113.130/30 dev eth0
    ip -n "$PC_NS-far" addr add 2001:db8:bad:1::2/64 dev eth0 nodad
    # Its SYN-ACK does not tell of it. Both ends of a veth have to have it: what is larger is lost in between.
    ip -n "$PC_NS-far" link set eth0 mtu 1300
    ip -n "$PC_NS-far" route add default via 203.0.113.129 advmss 1460
    ip -n "$PC_NS-far" -6 route add default via 2001:db8:bad:1::1 advmss 1440
    in_wan sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    ip -n "$PC_NS-wan" link set far0 mtu 1300
    pc_background far /usr/bin/python3 "$PC_ROOT/tests/support/clients.py" serve >>"$PC_WORK/servers.log" 2>&1
    for port in 7100 7101; do
        pc_wait_for 10 far_listens $port || pc_fail "no server behind the narrow link"
        for server in 203.0.113.130 2001:db8:bad:1::2; do
            clients exchange "$server" $port 5000000 || pc_fail "5 MB each way with $server, port $port, over a narrow link"
        done
    done
    in_wan nstat -asz Icmp6OutPktTooBigs IcmpOutDestUnreachs | awk '/Out/ && $2 == 0 { exit 1 }' ||
        pc_fail "nothing was too big for the narrow link"
    pc_ok "path MTU discovery onward, ended and peeked, IPv4 and IPv6"
}
far_listens() { nsenter --net="/run/netns/$PC_NS-far" ss -Hltn "sport = :$1" | grep -q .; }

load_begins() { # PORT...
    touch "$PC_WORK/go"
    LOADS=()
    for port in "$@"; do
        for wan in "$PC_WAN4" "$PC_WAN6"; do
            pc_background lan timeout 60 /usr/bin/python3 "$PC_ROOT/tests/support/clients.py" load "$PC_WORK/go" \
                "$wan" "$port" >"$PC_WORK/load.$port.$wan"
            LOADS+=($!)
        done
    done
    for port in "$@"; do
        for wan in "$PC_WAN4" "$PC_WAN6"; do
            pc_wait_for 10 at_least 20 "$port" "$wan" || pc_fail "there is no load on $wan, port $port"
        done
    done
}
at_least() { [ "$(wc -l <"$PC_WORK/load.$2.$3")" -ge "$1" ]; }
load_ends() {
    rm "$PC_WORK/go"
    wait "${LOADS[@]}"
}
# What became of connections, by port, when they began and how they ended: an expression over port, began, ended, ok
# has to be true for all of them, and `least` of them have to be such that `some` is.
each_connection() { # EXPRESSION SOME LEAST PORT...
    /usr/bin/python3 - "$1" "$2" "$3" "$PC_WORK" "${@:4}" <<'PYTHON' || pc_fail "connections under load: see above"
import glob, sys
all_are, some_are, least, folder, *ports = sys.argv[1:]
for file in (name for port in ports for name in sorted(glob.glob(f"{folder}/load.{port}.*"))):
    some = 0
    for line in open(file):
        port, began, took, what = line.split()
        began, ended, ok = float(began), float(began) + float(took), what == "ok"
        if not eval(all_are):
            sys.exit(f"{file}: not so: {all_are}: {line}")
        some += bool(eval(some_are))
    if some < int(least):
        sys.exit(f"{file}: only {some} with {some_are}")
PYTHON
}
now() { echo "$EPOCHREALTIME"; }

denies() { [ "$(get "$PC_WAN4" 80 "$1")" = 000 ] && [ "$(get "$PC_WAN6" 8080 "$1")" = 000 ]; }
check_commits() {
    local i
    cp "$PC_WORK/rules.toml" "$PC_WORK/base.toml"
    load_begins 80 8080
    for i in 1 2 3 4; do
        # Names of the inspector's, and rules in front of its own: by an edit, and built anew.
        pc_shell -c configure -c "set inspect ended deny no$i.example" -c "set inspect peeked deny no$i.example" \
            -c commit >/dev/null || pc_fail "commit of names"
        pc_wait_for 5 denies no$i.example || pc_fail "no$i.example is not denied"
        {
            sed "s/^default = \"drop\"/default = \"$([ $((i % 2)) = 0 ] && echo drop || echo accept)\"/" "$PC_WORK/base.toml"
            printf '%s\n' "[[rule]]" "name = \"more$i\"" 'in = "lan"' 'proto = "udp"' "dport = $i" 'action = "drop"'
        } >"$PC_WORK/more.toml"
        pc_shell commit "$PC_WORK/more.toml" >"$PC_WORK/commit" 2>&1 || pc_fail "commit: $(cat "$PC_WORK/commit")"
    done
    load_ends
    each_connection ok ok 40 80 8080
    pc_ok "eight commits under load, and no connection failed"
}

check_killed() {
    local killed again up
    load_begins 80 81 8080 8081
    killed=$(now)
    kill -9 "$PC_INSPECTOR"
    wait "$PC_INSPECTOR" 2>/dev/null
    pc_wait_for 10 passes "$killed" || pc_fail "nothing passes with on_down = pass after the inspector was killed"
    again=$(now)
    pc_start_inspector
    up=$(now)
    for port in 80 81 8080 8081; do
        for wan in "$PC_WAN4" "$PC_WAN6"; do
            pc_wait_for 10 began_after "$up" "$port" "$wan" || pc_fail "nothing works with $wan, port $port, after a restart"
        done
    done
    load_ends
    each_connection "ok or ended > $killed and began < $killed + 0.6" "$killed + 0.6 < began < $again" 3 80 8080
    # What begins meanwhile may wait until it comes through: a SYN or a hello is sent again.
    each_connection "not ok or ended > $again or began < $killed + 0.6" \
        "began < $again and (not ok or ended > $again)" 1 81 8081
    each_connection "ok or began < $up" "began > $up" 20 80 81 8080 8081
    pc_ok "killed under load: pass passes within 0.6 s, drop drops all, and what begins after a restart works"
}
passes() { # KILLED: some connections of each began well after it
    local port wan
    for port in 80 8080; do
        for wan in "$PC_WAN4" "$PC_WAN6"; do
            awk -v after="$1" '$2 > after + 0.6 && $4 == "ok" { n++ } END { exit n < 3 }' "$PC_WORK/load.$port.$wan" ||
                return 1
        done
    done
}
began_after() { awk -v after="$1" '$2 > after && $4 == "ok" { n++ } END { exit n < 20 }' "$PC_WORK/load.$2.$3"; }

check "to begin with"
check_settings
check_firewall
check_mtu
check_commits
check_killed
[ "$(pc_reason inspect-stray)" = 0 ] || pc_fail "the inspector's namespace sent stray packets"
