#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# UDP through the inspector: real clients of both families, forwarded and the router's own, with masquerade
# and without; each answer reaches the client that asked; fragments go the way of their datagram and no
# other; what there is no room for is turned away; an inspector that dies under load leaves on_down behind.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"

write_rules() {
    cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[zone.lan]
interfaces = ["lan0"]
[zone.wan]
interfaces = ["wan0"]
[inspect.open]
mode = "terminate"
on_down = "pass"
[inspect.shut]
mode = "terminate"
on_down = "drop"
[inspect.named]
mode = "terminate"
allow = ["good.example"]
[inspect.small]
mode = "terminate"
max_flows = 3
[[rule]]
name = "datagrams"
out = "wan"
proto = ["tcp", "udp"]
dport = [7000, 7009, 5300]
action = "inspect"
inspect = "open"
[[rule]]
name = "shut"
out = "wan"
proto = "udp"
dport = 53
action = "inspect"
inspect = "shut"
[[rule]]
name = "named"
out = "wan"
proto = "udp"
dport = 7001
action = "inspect"
inspect = "named"
[[rule]]
name = "small"
out = "wan"
proto = "udp"
dport = 7002
action = "inspect"
inspect = "small"
TOML
}

datagrams() { # NAMESPACE WORDS...
    "$1" /usr/bin/python3 "$PC_ROOT/tests/support/datagrams.py" "${@:2}"
}
inspected() { # NAME FIELD
    pc_shell --json show inspect | pc_json "sum(i['$2'] for i in j['inspects'] if i['name']=='$1')"
}
answers_dns() { # NAMESPACE ADDRESS
    [ "$("$1" dig +short +tries=3 +time=1 -p 5300 "@$2" www.example A 2>/dev/null)" = 192.0.2.53 ]
}

check_flows() { # NAT
    local wan before
    for wan in "$PC_WAN4" "$PC_WAN6"; do
        before=$(inspected open flows)
        pc_udp in_lan "$wan" 7000 || pc_fail "$1: no answer to the client from $wan"
        pc_udp in_rtr "$wan" 7000 || pc_fail "$1: no answer to the router from $wan"
        pc_tcp in_lan "$wan" 7000 || pc_fail "$1: TCP by the same rule does not work to $wan"
        if command -v dig >/dev/null; then
            answers_dns in_lan "$wan" || pc_fail "$1: dig gets no answer from $wan"
        fi
        sleep 0.2
        [ "$(inspected open flows)" -ge $((before + 3)) ] || pc_fail "$1: the inspector did not see the flows to $wan"
    done
    [ "$(inspected open datagrams_to_client)" -ge 4 ] || pc_fail "$1: $(pc_shell --json show inspect)"
    pc_ok "$1: datagrams of the client and of the router, IPv4 and IPv6, are answered through the inspector"
}

check_many() { # COUNT
    local said
    said=$(datagrams in_lan flows "$1" "$PC_WAN4" "$PC_WAN6") || pc_fail "$said"
    pc_ok "flows at one time: $said"
}

check_large() { # NAT
    local wan client
    for wan in "$PC_WAN4" "$PC_WAN6"; do
        client=10.77.1.2
        [[ $wan == *:* ]] && client=fd77:1::2
        datagrams in_lan large 60000 "$wan" || pc_fail "$1: a fragmented datagram and its answer, $wan"
        datagrams in_rtr large 60000 "$wan" || pc_fail "$1: the same of the router itself, $wan"
        # Conntrack keeps a later fragment without a first one to itself, until it gives up.
        if [ "$1" = routed ]; then
            local before
            before=$(pc_reason inspect-fragment)
            datagrams in_lan fragment "$client" "$wan"
            pc_wait_for 3 more_than "$before" inspect-fragment || pc_fail "a later fragment alone passes to $wan"
        fi
    done
    pc_wait_for 3 large_seen || pc_fail "$1: large datagrams passed by the inspector: $(pc_shell --json show inspect)"
    pc_ok "$1: datagrams of 60,000 bytes are inspected, and fragments do not pass by the inspector"
}
large_seen() { [ "$(inspected open bytes_to_server)" -ge 240000 ] && [ "$(inspected open bytes_to_client)" -ge 240000 ]; }
more_than() { [ "$(pc_reason "$2")" -gt "$1" ]; }

refusal_counted() { [ "$(inspected open upstream_failed)" -ge 1 ]; }
check_names() {
    pc_udp in_lan "$PC_WAN4" 7001 && pc_fail "a datagram without a name passes an allow list"
    pc_logged "e['dest_port'] == 7001 and e['proto'] == 'UDP' and e['portcullis']['verdict'] == 'deny'"
    [ "$(inspected named denied)" -ge 1 ] || pc_fail "the denied flow is not counted"
    datagrams in_lan refused "$PC_WAN4" 7009 || pc_fail "an answer from where nobody is"
    pc_wait_for 3 refusal_counted || pc_fail "a refusal is not counted"
    pc_ok "no name is denied by an allow list; a refusal of the server is counted"
    pc_wait_for 3 overloaded "inspect-overload" || pc_fail "max_flows does not hold for UDP"
    [ "$(inspected small active)" -le 3 ] || pc_fail "more flows than max_flows"
    pc_ok "over max_flows a UDP flow is turned away: dropped"
}

check_death() {
    local killed said
    datagrams in_lan load 2.5 "$PC_WAN4" 7000 >"$PC_WORK/open" &
    local open=$!
    datagrams in_lan load 2.5 "$PC_WAN4" 53 >"$PC_WORK/shut" &
    local shut=$!
    sleep 1
    killed=$(date +%s.%N)
    kill -9 "$PC_INSPECTOR"
    wait "$open" "$shut"
    said=$(
        /usr/bin/python3 - "$killed" "$PC_WORK/open" "$PC_WORK/shut" <<'PYTHON'
import sys
killed = float(sys.argv[1])
lines = [[tuple(map(float, line.split())) for line in open(name)] for name in sys.argv[2:]]
before = [sum(n for t, n in of if t < killed) for of in lines]
after = [sum(n for t, n in of if t > killed + 0.7) for of in lines]
print(before, after)
sys.exit(not (min(before) > 0 and after[0] > 0 and after[1] == 0))
PYTHON
    ) || pc_fail "answers before and after the inspector died, pass and drop: $said"
    [ "$(pc_reason inspect-down)" -gt 0 ] || pc_fail "drops are not counted under inspect-down"
    pc_ok "killed under load: within a second datagrams pass where on_down = pass, none where it is drop"
}

overloaded() { # REASON: five clients at an inspector that takes three flows
    in_lan /usr/bin/python3 "$PC_ROOT/tests/support/datagrams.py" ask 5 "$PC_WAN4" 7002 >/dev/null
    in_lan /usr/bin/python3 "$PC_ROOT/tests/support/datagrams.py" load 0.3 "$PC_WAN4" 7002 >/dev/null
    [ "$(pc_reason "$1")" -gt 0 ]
}

check_successor() {
    sed 's/"on_overload":"drop"/"on_overload":"pass"/g' "$PC_WORK/run/inspect.json" >"$PC_WORK/pass.json"
    pc_start_inspector --max-flows 200 --max-udp-flows 20 --workers 1 --config-file "$PC_WORK/pass.json"
    pc_wait_for 3 pc_udp in_lan "$PC_WAN6" 53 || pc_fail "a new inspector does not take over"
    pc_ok "a new inspector takes over"
    pc_wait_for 3 overloaded "inspect-overload-pass" || pc_fail "over max_flows nothing passes with on_overload = pass"
    pc_ok "over max_flows a UDP flow is turned away: passed on where the configuration says so"
    datagrams in_lan ask 40 "$PC_WAN4" 7009 >/dev/null
    pc_udp in_lan "$PC_WAN4" 7000 || pc_fail "flows without an answer leave no room for another"
    pc_logged "e['flow']['reason'] == 'crowded-out' and e['dest_port'] == 7009 and e['flow']['pkts_toclient'] == 0"
    pc_ok "a flow that waits for its first answer makes way for a new one"
}

run() { # MASQUERADE NAT
    PC_MASQUERADE=$1
    pc_net_up
    write_rules
    pc_start_servers
    pc_background wan /usr/bin/python3 "$PC_ROOT/tests/support/datagrams.py" dns
    pc_start_daemon
    # Few TCP flows: descriptors may be short here, and they are shared out.
    pc_start_inspector --max-flows 200
    check_flows "$2"
    check_large "$2"
    if [ "$1" = yes ]; then
        check_many 10000
        check_names
        check_death
        check_successor
    fi
    [ "$(pc_reason inspect-stray)" = 0 ] || pc_fail "$2: the inspector's namespace sent stray packets"
}

# Each in a shell of its own, so that each cleans up.
for nat in "no routed" "yes masquerade"; do
    # shellcheck disable=SC2086 # two words
    (run $nat)
    status=$?
    [ $status = 0 ] || exit $status
done
