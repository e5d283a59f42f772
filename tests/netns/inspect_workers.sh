#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The workers of the inspector: flows are shared out among them, one flow always meets the same, and when
# one hangs its flows follow on_down within a second while the others go on.
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
proto = ["tcp", "udp"]
dport = [80, 7000]
action = "inspect"
inspect = "open"
[[rule]]
name = "shut"
in = "lan"
out = "wan"
proto = ["tcp", "udp"]
dport = [53, 8080]
action = "inspect"
inspect = "shut"
TOML
pc_start_servers
pc_start_daemon
pc_start_inspector --workers 3

ask() { # PORT ADDRESS: how many of 60 clients have an answer
    in_lan /usr/bin/python3 "$PC_ROOT/tests/support/datagrams.py" ask 60 "$2" "$1"
}
get() { # PORT: how many of 30 connections to each family work
    local worked=0 wan
    for wan in "$PC_WAN4" "[$PC_WAN6]"; do
        for _ in {1..15}; do
            in_lan curl -s -o /dev/null -m 1 "http://$wan:$1/" && worked=$((worked + 1))
        done
    done
    echo $worked
}
workers() { # of|alive
    pc_shell --json show inspect | pc_json "j['inspects'][0]['workers']['$1']"
}
within() { # NUMBER ABOVE BELOW
    [ "$1" -gt "$2" ] && [ "$1" -lt "$3" ]
}
all_work() {
    local wan
    for wan in "$PC_WAN4" "$PC_WAN6"; do
        [ "$(ask 7000 "$wan")" = 60 ] && [ "$(ask 53 "$wan")" = 60 ] || return 1
    done
}
alive() { [ "$(workers of) $(workers alive)" = "3 $1" ]; }
alive 3 || pc_fail "not 3 workers: $(pc_shell --json show inspect)"
pc_wait_for 10 all_work || pc_fail "not all datagrams are answered to begin with"
[ "$(get 80)" = 30 ] || pc_fail "not all connections work to begin with"
for worker in 0 1 2; do
    thread=$(grep -lx "worker $worker" /proc/"$PC_INSPECTOR"/task/*/comm | cut -d/ -f5)
    [ -n "$thread" ] || pc_fail "there is no thread of worker $worker"
    threads[worker]=$thread
done
pc_ok "three workers take datagrams and connections"
rights=$(grep -h CapEff /proc/"$PC_INSPECTOR"/task/*/status | sort -u)
[ "$rights" = $'CapEff:\t0000000000001000' ] || pc_fail "a thread has kept more than CAP_NET_ADMIN: $rights"
pc_ok "all threads have only CAP_NET_ADMIN"

# Worker 0 has every third flow.
mkfifo "$PC_WORK/thaw"
/usr/bin/python3 "$PC_ROOT/tests/support/datagrams.py" freeze "${threads[0]}" <"$PC_WORK/thaw" >"$PC_WORK/frozen" &
PC_PIDS+=($!)
exec {thaw}>"$PC_WORK/thaw"
pc_wait_for 3 grep -q frozen "$PC_WORK/frozen" || pc_skip "one thread cannot be stopped: $(cat "$PC_WORK/frozen")"
sleep 0.7
before=$(pc_reason inspect-divert)
for wan in "$PC_WAN4" "$PC_WAN6"; do
    [ "$(ask 7000 "$wan")" = 60 ] || pc_fail "on_down pass does not pass the flows of a worker that hangs, $wan"
    answered=$(ask 53 "$wan")
    within "$answered" 15 58 ||
        pc_fail "$answered of 60 answered at $wan: the others do not go on, or on_down drop does not drop"
done
[ "$(get 80)" = 30 ] || pc_fail "connections of a worker that hangs do not pass"
worked=$(get 8080)
within "$worked" 5 30 || pc_fail "$worked of 30 connections work where on_down = drop"
for reason in inspect-down-pass inspect-down; do
    [ "$(pc_reason $reason)" -gt 0 ] || pc_fail "nothing is counted under $reason"
done
[ "$(pc_reason inspect-divert)" -gt $((before + 60)) ] || pc_fail "the other workers have nothing to do"
alive 2 || pc_fail "show inspect: $(pc_shell --json show inspect)"
pc_shell show inspect | grep -q degraded || pc_fail "show inspect does not say degraded"
pc_ok "one worker hangs: its flows follow on_down within a second, the others go on"
exec {thaw}>&-
pc_wait_for 3 alive 3 || pc_fail "the worker does not come back"
pc_wait_for 10 all_work || pc_fail "not all datagrams are answered after the worker came back"
pc_ok "it goes on, and its flows come back to it"

kill -TERM "$PC_INSPECTOR"
wait "$PC_INSPECTOR" || pc_fail "SIGTERM does not end it cleanly: $?"
grep -q '"reason":"shutdown"' "$PC_WORK/eve.json" || pc_fail "flows that ended with it are not in the log"
/usr/bin/python3 -c "import json,sys
for line in open('$PC_WORK/eve.json'): json.loads(line)" || pc_fail "lines of the workers mix in the log"
pc_ok "SIGTERM ends all workers, and their log is whole"
