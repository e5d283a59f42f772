#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Flows of real packets as the shell shows them: found by filters, cleared, counted, logged when they
# end; the log may be renamed at any time.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[host]
management = ["10.77.1.0/24"]
[zone.lan]
interfaces = ["lan0"]
established = true
[zone.wan]
interfaces = ["wan0"]
established = true
[flows]
udp_new = "1s"
udp_replied = "1s"
log = "all"
[limit.echoes]
per = "src"
rate = "100pps"
burst = 50
[[rule]]
name = "echo"
in = "lan"
limit = "echoes"
proto = "tcp"
dport = 7000
action = "accept"
[[rule]]
name = "others"
in = "lan"
action = "accept"
TOML
pc_start_servers
pc_start_daemon

flows() { # flows WORDS...: how many fit
    pc_shell --json show flows "$@" | pc_json "j['matched']"
}
# A connection that stays: bash's end of it is descriptor 3 of this process.
pc_background lan bash -c "exec 3<>/dev/tcp/$PC_WAN4/7000 && echo hello >&3 && read -r -u 3 line && sleep 60"
stands() { [ "$(flows src 10.77.1.2 dport 7000 state established)" = 1 ]; }
pc_wait_for 10 stands || pc_fail "no flow is shown: $(pc_shell show flows)"
pc_shell show flows rule echo zone lan | grep -qE "^tcp +established +10.77.1.2:[0-9]+ +$PC_WAN4:7000 +lan +echo" ||
    pc_fail "show flows: $(pc_shell show flows)"
[ "$(flows proto udp dport 7000)" = 0 ] || pc_fail "a filter that nothing fits"
[ "$(flows host 10.77.1.0/24 proto tcp port 7000)" = 1 ] || pc_fail "a filter by prefix"
pc_shell show flow "$PC_WAN4:7000" 10.77.1.2 | grep -q "verdict accept" ||
    pc_fail "show flow: $(pc_shell show flow "$PC_WAN4:7000" 10.77.1.2)"
pc_shell show flow 10.77.1.2 192.0.2.99 2>"$PC_WORK/err" && pc_fail "a flow that there is not"
grep -q 'there is no such flow' "$PC_WORK/err" || pc_fail "what is said: $(cat "$PC_WORK/err")"
pc_ok "a flow is shown, and found by what is known of it"

[ "$(pc_shell --json top sources total | pc_json "j['rows'][0]['flows'] > 0")" = True ] ||
    pc_fail "top: $(pc_shell top sources total)"
pc_shell --json top flows | pc_json "j['seconds'] > 1" | grep -q True || pc_fail "top of two seconds"
pc_shell show limits | grep -qE '^echoes +src/32,src6/64 +100 packets/s +50 +drop +[1-9]' ||
    pc_fail "show limits: $(pc_shell show limits)"
pc_shell show guard | grep -q '^syn protect  off' || pc_fail "show guard: $(pc_shell show guard)"
pc_ok "top, limits and guard answer"

pc_shell clear flows 2>/dev/null && pc_fail "clear flows takes no words at all"
pc_shell clear flows dport 7000 proto tcp | grep -qE 'flows? cleared' || pc_fail "clear flows"
cleared() { grep -q '"reason":"forced"' "$PC_WORK/state/flow.json"; }
pc_wait_for 10 cleared || pc_fail "the cleared flow is not logged"
record=$(grep '"reason":"forced"' "$PC_WORK/state/flow.json" | grep '"src_ip":"10.77.1.2"' | head -n 1)
pc_json "(j['event_type'], j['dest_port'], j['proto'], j['portcullis']['rule'], j['portcullis']['zone'])" <<<"$record" |
    grep -qxF "('flow', 7000, 'TCP', 'echo', 'lan')" || pc_fail "the record: $record"
pc_ok "what is cleared ends, and is logged"

mv "$PC_WORK/state/flow.json" "$PC_WORK/state/flow.json.1"
pc_udp in_lan "$PC_WAN4" 7000 >/dev/null || pc_fail "UDP echo"
over() { grep -q '"proto":"UDP"' "$PC_WORK/state/flow.json"; }
pc_wait_for 15 over || pc_fail "a flow that ended is not in the new log"
gone() { [ "$(flows proto udp dport 7000)" = 0 ]; }
pc_wait_for 5 gone || pc_fail "the flow is still there: $(pc_shell show flows)"
pc_ok "flows end by their time, and a renamed log begins anew"

pc_shell clear flows all >/dev/null || pc_fail "clear flows all"
empty() { [ "$(flows port 7000)" = 0 ] && pc_shell --json show flows | pc_json "j['table']['live'] == j['matched']" | grep -q True; }
pc_wait_for 10 empty || pc_fail "places of flows are left: $(pc_shell show flows)"
pc_ok "all flows are cleared, and none of them is counted any more"
