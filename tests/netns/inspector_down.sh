#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The inspector is killed with SIGKILL, or hangs: within a second new flows follow on_down, the host
# is never black-holed, and a new inspector takes over.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
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
[[rule]]
name = "open"
in = "lan"
out = "wan"
proto = "tcp"
dport = 80
action = "inspect"
inspect = "open"
[[rule]]
name = "shut"
in = "lan"
out = "wan"
proto = "tcp"
dport = 8080
action = "inspect"
inspect = "shut"
TOML
pc_start_servers
pc_start_daemon
pc_start_inspector
get() { in_lan curl -s -o /dev/null -m 2 "http://$1:$2/" 2>/dev/null; }
for wan in "$PC_WAN4" "[$PC_WAN6]"; do
    for port in 80 8080; do
        get "$wan" $port || pc_fail "the inspected flow to $wan:$port does not work to begin with"
    done
done
pc_wait_for 3 grep -q '"dest_port":8080' "$PC_WORK/eve.json" || pc_fail "the inspector logged nothing"
check_down() { # HOW
    local wan end
    end=$(($(date +%s%N) + 1000000000))
    until get "$PC_WAN4" 80; do
        [ "$(date +%s%N)" -lt $end ] || pc_fail "$1: fail-open took more than a second"
    done
    for wan in "$PC_WAN4" "[$PC_WAN6]"; do
        get "$wan" 80 || pc_fail "$1: on_down pass does not pass $wan"
        get "$wan" 8080 && pc_fail "$1: on_down drop lets $wan through"
    done
    pc_tcp in_lan "$PC_WAN4" 7000 || pc_fail "$1: traffic that nobody inspects is gone too"
    pc_ok "$1: new flows pass natively within a second where on_down = pass, and none where it is drop"
}
kill -9 "$PC_INSPECTOR"
wait "$PC_INSPECTOR" 2>/dev/null
check_down "killed"
[ "$(pc_reason "inspect-down")" -gt 0 ] || pc_fail "the drops were not counted under inspect-down"
[ "$(pc_reason "inspect-down-pass")" -gt 0 ] || pc_fail "the passes were not counted under inspect-down-pass"
pc_start_inspector
pc_wait_for 3 get "$PC_WAN4" 8080 || pc_fail "a new inspector does not take over"
pc_ok "a new inspector takes over"
pc_shell show inspect >"$PC_WORK/show"
grep -q up "$PC_WORK/show" || pc_fail "show inspect does not say up: $(cat "$PC_WORK/show")"
kill -STOP "$PC_INSPECTOR"
sleep 0.6
check_down "stopped"
kill -CONT "$PC_INSPECTOR"
pc_wait_for 3 get "$PC_WAN4" 8080 || pc_fail "a continued inspector does not take over"
pc_ok "continued"
