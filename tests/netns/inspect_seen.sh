#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What an operator sees of the inspector while it works, IPv4 and IPv6, TCP, UDP and connections that are
# only looked at: flows, the names that were asked for, events as they happen, and one line of the log
# with name, verdict and bytes of what was let go. A hanging inspector and none at all get an answer, too.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[zone.lan]
interfaces = ["lan0"]
established = true
[zone.wan]
interfaces = ["wan0"]
established = true
[flows]
log = "all"
tcp_closed = "1s"
tcp_closing = "1s"
tcp_time_wait = "1s"
[inspect.web]
mode = "terminate"
deny = ["*.bad.example"]
[inspect.names]
mode = "peek"
deny = ["*.bad.example"]
[[rule]]
name = "ended"
in = "lan"
out = "wan"
proto = ["tcp", "udp"]
dport = [80, 7000]
action = "inspect"
inspect = "web"
[[rule]]
name = "looked-at"
in = "lan"
out = "wan"
proto = "tcp"
dport = 443
action = "inspect"
inspect = "names"
TOML
pc_start_servers
pc_start_daemon
pc_start_inspector
flows() { # EXPRESSION over f, the list of flows that fit WORDS...
    pc_shell --json show inspect flows "${@:2}" 2>/dev/null | pc_json "(lambda f: $1)(j['flows'])" | grep -qx True
}
sees() { pc_wait_for 4 flows "$@" || pc_fail "not seen: $*: $(pc_shell show inspect flows "${@:2}" 2>&1)"; }

pc_background rtr "$PC_BUILD/ctl/portcullis" --run-dir "$PC_WORK/run" monitor inspect >"$PC_WORK/events" 2>"$PC_WORK/events.end"
monitor=$!
pc_background rtr "$PC_BUILD/ctl/portcullis" --run-dir "$PC_WORK/run" --json monitor inspect >"$PC_WORK/events.json"
monitor_json=$!
sleep 0.5
for pair in "$PC_WAN4 10.77.1.2" "$PC_WAN6 fd77:1::2"; do
    read -r wan client <<<"$pair"
    address=$wan
    [[ $wan == *:* ]] && address="[$wan]"
    pc_background lan curl -s -m 20 --limit-rate 100K -o /dev/null --connect-to "slow.example:80:$address:80" \
        http://slow.example/bytes/9000000
    pc_background lan curl -sk -m 20 --limit-rate 100K -o /dev/null --connect-to "passed.example:443:$address:443" \
        https://passed.example/bytes/9000000
    in_lan curl -s -m 3 -o /dev/null --connect-to "ads.bad.example:80:$address:80" http://ads.bad.example/ &&
        pc_fail "ads.bad.example is let through"
    in_lan curl -sk -m 3 -o /dev/null --connect-to "peek.bad.example:443:$address:443" https://peek.bad.example/ &&
        pc_fail "peek.bad.example is let through"
    in_lan curl -sk -m 5 -o /dev/null --connect-to "short.example:443:$address:443" https://short.example/bytes/20000 ||
        pc_fail "short.example"
    pc_udp in_lan "$wan" 7000 >/dev/null || pc_fail "UDP echo"
    sees "len(f) == 1 and f[0]['way'] == 'terminated' and f[0]['verdict'] == 'allow' and f[0]['inspect'] == 'web' and f[0]['rule'] == 'ended' and f[0]['bytes_received'] > 10000" \
        src "$client" dst "$wan" name slow.example
    sees "len(f) == 1 and f[0]['way'] == 'released' and f[0]['app_proto'] == 'tls' and f[0]['src'] == '$client' and f[0]['inspect'] == 'names' and f[0]['bytes_received'] > 10000" \
        src "$client" dst "$wan" name passed.example
    sees "len(f) == 1 and f[0]['bytes_received'] > 0 and f[0]['age_s'] < 20" src "$client" proto udp dport 7000
    sees "len(f) == 1" name passed.example way released verdict allow dst "$wan" inspect names
    sees "len(f) == 0" name assed.example dst "$wan"
    sees "len(f) == 0" dst "$wan" verdict undecided
    pc_ok "$wan: what is ended here, relayed and let go is shown with its name and bytes"
    # One line has name, verdict and bytes; the inspector's own line has the same flow_id.
    pc_wait_for 6 grep -q "\"dest_ip\":\"$wan\".*short.example" "$PC_WORK/state/flow.json" ||
        pc_fail "no record of short.example at $wan: $(tail -3 "$PC_WORK/state/flow.json")"
    /usr/bin/python3 - "$PC_WORK" "$client" "$wan" <<'PY' || pc_fail "the lines do not belong together"
import json, sys
work, client, wan = sys.argv[1:]
ended = [json.loads(l) for l in open(work + "/state/flow.json")]
seen = [json.loads(l) for l in open(work + "/eve.json")]
one = [e for e in ended if e["portcullis"].get("name") == "short.example" and e["dest_ip"] == wan]
assert len(one) == 1, one
one = one[0]
assert one["portcullis"]["verdict"] == "allow" and one["portcullis"]["inspect"] == "names", one
assert one["portcullis"]["client_ip"] == client and one["app_proto"] == "tls", one
assert one["flow"]["bytes_toclient"] > 20000 and one["flow"]["bytes_toserver"] > 500, one
name = [e for e in seen if e.get("tls", {}).get("sni") == "short.example" and e["dest_ip"] == wan]
assert len(name) == 1 and name[0]["flow_id"] == one["flow_id"], (name, one["flow_id"])
assert 0 < one["flow_id"] < 2 ** 53
PY
    pc_ok "$wan: a record of what was let go has name, verdict and bytes, and the flow_id of the inspector's"
    for line in "allow slow.example http" "allow passed.example tls" "deny ads.bad.example http" "deny peek.bad.example tls"; do
        pc_wait_for 3 grep -qE "^[0-9:.]+ $line \[?$client\]?:[0-9]+ > \[?$wan\]?:[0-9]+ (web|names)" "$PC_WORK/events" ||
            pc_fail "the monitor does not say '$line': $(cat "$PC_WORK/events" "$PC_WORK/events.end")"
    done
done
kill -INT $monitor $monitor_json
wait $monitor || pc_fail "the monitor ends with $?"
grep -qE "^[0-9]+ events, 0 lost$" "$PC_WORK/events.end" || pc_fail "its end: $(cat "$PC_WORK/events.end")"
/usr/bin/python3 -c "
import json, sys
events = [json.loads(l) for l in open(sys.argv[1])]
assert {e['portcullis']['verdict'] for e in events} == {'allow', 'deny'}
assert any(e.get('tls', {}).get('sni') == 'passed.example' and e['event_type'] == 'tls' for e in events)
" "$PC_WORK/events.json" || pc_fail "EVE lines: $(cat "$PC_WORK/events.json")"
pc_ok "the monitor says what is judged, as it is judged, and ends with Ctrl-C"

top=$(pc_shell --json top names 20)
for row in "slow.example 2 2 0" "short.example 2 2 0" "ads.bad.example 2 0 2" "peek.bad.example 2 0 2"; do
    read -r name all allowed denied <<<"$row"
    pc_json "[(r['flows'], r['allowed'], r['denied']) for r in j['rows'] if r['name'] == '$name'] == [($all, $allowed, $denied)]" \
        <<<"$top" | grep -q True || pc_fail "top names, $row: $top"
done
[ "$(pc_shell --json top names 2 by bytes | pc_json "{r['name'] for r in j['rows']} == {'slow.example', 'passed.example'}")" = True ] ||
    pc_fail "top names by bytes: $(pc_shell top names by bytes)"
pc_shell top names | grep -qE '^slow.example +2 +2 +0 ' || pc_fail "$(pc_shell top names)"
pc_ok "top names: by flows, and by bytes, also of what was let go"

kill -STOP "$PC_INSPECTOR"
pc_shell show inspect flows name passed.example >"$PC_WORK/out" 2>"$PC_WORK/err"
[ $? = 6 ] || pc_fail "a hanging inspector: exit code"
grep -q "does not answer" "$PC_WORK/err" || pc_fail "a hanging inspector: $(cat "$PC_WORK/err")"
grep -q passed.example "$PC_WORK/out" || pc_fail "what was let go is not shown: $(cat "$PC_WORK/out")"
kill -KILL "$PC_INSPECTOR"
gone() { pc_shell top names 2>&1 | grep -q "not connected"; }
pc_wait_for 3 gone || pc_fail "no inspector: $(pc_shell top names 2>&1)"
pc_shell top names >/dev/null 2>&1 && pc_fail "top names without an inspector"
pc_ok "an inspector that hangs, or is gone, is said to be, and the daemon goes on"
