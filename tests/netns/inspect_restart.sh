#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The inspector is restarted, and killed, while clients connect all the time: its listeners stay open in
# between, nobody is refused, and nothing passes by uninspected.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[zone.lan]
interfaces = ["lan0"]
[zone.wan]
interfaces = ["wan0"]
[inspect.web]
mode = "terminate"
on_down = "drop"
[[rule]]
name = "web"
in = "lan"
out = "wan"
proto = "tcp"
dport = [80, 443]
action = "inspect"
inspect = "web"
TOML
pc_start_servers
pc_start_daemon
mkfifo "$PC_WORK/commands"
exec 9<>"$PC_WORK/commands" # opened for one end alone, it would wait for the other
pc_background rtr /usr/bin/python3 "$PC_ROOT/tests/support/service_manager.py" "$PC_WORK/notify" "$PC_WORK/commands" \
    "$PC_BUILD/ctl/portcullis-inspect" --workers 2 --run-dir "$PC_WORK/run" --state-dir "$PC_WORK/state" \
    --bpffs "$PC_WORK/bpf/portcullis" --log "$PC_WORK/eve.json" \
    >"$PC_WORK/manager" 2>>"$PC_WORK/inspect.log"
manager=$!
manager_said() { # COUNT: processes were ready; all are ended with the test
    [ "$(grep -c '^ready' "$PC_WORK/manager")" = "$1" ] || return 1
    mapfile -t -O "${#PC_PIDS[@]}" PC_PIDS < <(sed -n 's/^ready \([0-9]*\).*/\1/p' "$PC_WORK/manager" | tail -1)
}
pc_wait_for 10 manager_said 1 || pc_fail "the inspector does not come up: $(cat "$PC_WORK/manager")"
pc_wait_for 10 pc_inspector_up || pc_fail "the inspector is not up"
grep -q '^ready [0-9]*, 8 descriptors kept$' "$PC_WORK/manager" || pc_fail "$(cat "$PC_WORK/manager")"

# Both families in turn, each request in a connection of its own, until the file is gone.
cat >"$PC_WORK/steady.py" <<'PY'
import os, socket, sys, time
done, failed, worst = 0, [], 0
while os.path.exists(sys.argv[1]):
    began = time.monotonic()
    where = sys.argv[2 + done % 2]
    done += 1
    try:
        with socket.create_connection((where, 80), timeout=8) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
            if not s.recv(100).startswith(b"HTTP/1.1 200"):
                failed.append("cut")
    except OSError as error:
        failed.append(str(error))
    worst = max(worst, time.monotonic() - began)
    time.sleep(0.005)
print(done, len(failed), round(worst, 2), failed[:3])
PY
steady() { # COMMAND: while requests run; then the next process is ready
    local said
    said=$(grep -c '^ready' "$PC_WORK/manager")
    touch "$PC_WORK/go"
    pc_background lan timeout 60 /usr/bin/python3 "$PC_WORK/steady.py" "$PC_WORK/go" "$PC_WAN4" "$PC_WAN6" >"$PC_WORK/steady"
    local pid=$!
    sleep 0.3
    echo "$1" >&9
    pc_wait_for 10 manager_said $((said + 1)) || pc_fail "no new process after $1: $(cat "$PC_WORK/manager")"
    pc_wait_for 10 pc_inspector_up || pc_fail "the inspector is not up"
    sleep 0.3
    rm "$PC_WORK/go"
    wait $pid
    echo "  $1: $(cat "$PC_WORK/steady")"
    read -r requests failed worst why <"$PC_WORK/steady"
    [ "$requests" -gt 20 ] || pc_fail "only $requests requests"
}
before=$(pc_reason inspect-pass)
for _ in 1 2 3; do
    steady restart
    [ "$failed" = 0 ] || pc_fail "$failed of $requests requests failed, the slowest took $worst s: $why"
done
pc_ok "no request fails while the inspector is restarted"
# One that has its connection when it is killed loses it; those that come after wait.
steady crash
[ "$failed" -le 1 ] || pc_fail "$failed of $requests requests failed: $why"
[[ $why != *refused* ]] || pc_fail "a connection was refused"
pc_ok "only a connection that it has at that moment is lost when it is killed"
[ "$(pc_reason inspect-pass)" = "$before" ] || pc_fail "flows passed uninspected"
[ "$(grep -c '^ready [0-9]*, 8 descriptors kept$' "$PC_WORK/manager")" = 5 ] || pc_fail "$(cat "$PC_WORK/manager")"

echo quit >&9
wait $manager
