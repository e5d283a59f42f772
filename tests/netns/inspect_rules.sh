#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# [[inspect.NAME.rule]] on real flows: by set of names, ALPN, method, path, client and zone; denied by
# reset or with a page; logged with the rule's name. And a set of a million names is committed while
# requests run: none of them fails or waits.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
printf '%s\n' '# ads' ads.example '*.track.example' '0.0.0.0 pixel.example' >"$PC_WORK/names.txt"
cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[zone.lan]
interfaces = ["lan0"]
[zone.wan]
interfaces = ["wan0"]
[set.ads]
type = "name"
file = "names.txt"
[inspect.web]
[[inspect.web.rule]]
name   = "seen"
host   = "*.example"
action = "log"
[[inspect.web.rule]]
name      = "ads"
host      = "@ads"
action    = "deny"
deny_with = "page"
[[inspect.web.rule]]
name   = "old"
alpn   = "!h2"
host   = "new.example"
action = "deny"
[[inspect.web.rule]]
name   = "upload"
method = ["PUT", "DELETE"]
action = "deny"
[[inspect.web.rule]]
name      = "admin"
path      = "/admin/*"
client    = "10.77.1.0/24"
action    = "deny"
deny_with = "page"
[[inspect.web.rule]]
name   = "slow"
host   = "slow.example"
action = "limit"
rate   = "16mbit"
[[inspect.web.rule]]
name   = "together"
host   = "shared.example"
action = "limit"
rate   = "16mbit"
per    = "client"
[[inspect.web.rule]]
name   = "lan-only"
zone   = "!lan"
action = "deny"
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
pc_start_inspector
http() { # NAME PATH [CURL-OPTION...]: prints the status, 000 for no answer
    in_lan curl -s -m 5 -o "$PC_WORK/body" -w '%{http_code}' --path-as-is \
        --connect-to "$1:80:$PC_WAN4:80" "${@:3}" "http://$1$2"
}
hello() { # NAME ALPN
    echo | in_lan timeout 5 openssl s_client -connect "$PC_WAN4:443" -servername "$1" -alpn "$2" 2>/dev/null |
        grep -q 'CN = server.example'
}
expect() { # STATUS NAME PATH [CURL-OPTION...]
    local got
    got=$(http "${@:2}")
    [ "$got" = "$1" ] || pc_fail "$2$3 ${*:4}: $got, not $1"
    pc_ok "$2$3: $1"
}
expect 200 shop.example /
expect 403 ads.example /
grep -q 'Rule: ads' "$PC_WORK/body" || pc_fail "the page does not name the rule: $(cat "$PC_WORK/body")"
expect 403 x.track.example /
expect 200 track.example /
expect 403 pixel.example / -d "$(printf 'x%.0s' {1..50000})" # a body that nobody reads
expect 403 ads.example / -I
expect 000 shop.example / -X DELETE
expect 200 shop.example /admin
expect 403 shop.example /admin/users
expect 403 shop.example /x/..//%61dmin/users?a=b
hello shop.example http/1.1 || pc_fail "TLS to shop.example"
hello ads.example h2 && pc_fail "TLS to ads.example is not denied"
hello new.example h2 || pc_fail "TLS with h2 to new.example"
hello new.example http/1.1 && pc_fail "TLS without h2 to new.example is not denied"
pc_logged "p['verdict'] == 'deny' and p['inspect_rule'] == 'ads' and p['logged'] == ['seen'] and e['http']['hostname'] == 'ads.example' and e['src_ip'] == '10.77.1.2'"
pc_logged "p['verdict'] == 'deny' and p['inspect_rule'] == 'ads' and 'tls' in e"
pc_logged "p['verdict'] == 'deny' and p['inspect_rule'] == 'old' and p['reason'] == 'rule old'"
pc_logged "p['verdict'] == 'deny' and p['inspect_rule'] == 'upload'"
pc_logged "p['verdict'] == 'deny' and p['inspect_rule'] == 'admin' and e['http']['url'] == '/admin/users'"
pc_logged "p['verdict'] == 'allow' and 'inspect_rule' not in p and p['logged'] == ['seen']"

# 4 MB at 16 Mbit/s after a burst of 0.5 MB: 1.75 s, up and down; two flows that share it, 2 MB each.
head -c 4000000 /dev/zero >"$PC_WORK/4MB"
head -c 2000000 /dev/zero >"$PC_WORK/2MB"
timed() { # WORDS COMMAND...: takes what that rate gives
    local words=$1 began took
    shift
    began=$(date +%s%N)
    "$@" || pc_fail "$words: it fails"
    took=$((($(date +%s%N) - began) / 1000000))
    if [ $took -lt 1600 ] || [ $took -ge 3000 ]; then pc_fail "$words: $took ms"; fi
    pc_ok "$words: $took ms"
}
send() { # NAME FILE
    in_lan curl -s -m 10 -H 'Expect:' -o /dev/null --connect-to "$1:80:$PC_WAN4:80" --data-binary "@$PC_WORK/$2" "http://$1/sink"
}
fetch() { # NAME BYTES
    [ "$(http "$1" "/bytes/$2")" = 200 ] && [ "$(wc -c <"$PC_WORK/body")" = "$2" ]
}
two() {
    send shared.example 2MB &
    local first=$!
    send shared.example 2MB && wait $first
}
timed "up, a flow has its rate" send slow.example 4MB
timed "down, a flow has its rate" fetch slow.example 4000000
timed "two flows of a client share one" two

# Requests one after the other, each in a connection of its own, until the file is gone: how many, how
# many failed, and how long the slow ones took. Not at full rate: where thousands of connections to
# one server are masqueraded within its TIME_WAIT, ports meet and a SYN is sent again after a second.
cat >"$PC_WORK/steady.py" <<'PY'
import os, socket, sys, time
took, failed = [], 0
while os.path.exists(sys.argv[2]):
    began = time.monotonic()
    try:
        with socket.create_connection((sys.argv[1], 80), timeout=5) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
            if not s.recv(100).startswith(b"HTTP/1.1 200"):
                failed += 1
    except OSError:
        failed += 1
    took.append((time.monotonic() - began) * 1000)
    time.sleep(0.005)
took.sort()
print(len(took), failed, round(took[int(len(took) * 0.99)], 1), round(took[-1], 1))
PY
steady() { # COMMAND...: requests run before, during and after it
    touch "$PC_WORK/go"
    pc_background lan timeout 60 /usr/bin/python3 "$PC_WORK/steady.py" "$PC_WAN4" "$PC_WORK/go" >"$PC_WORK/steady"
    local pid=$!
    sleep 0.5
    "$@"
    sleep 0.5
    rm "$PC_WORK/go"
    wait $pid
    read -r count failed p99 worst <"$PC_WORK/steady"
    echo "  $count requests, $failed failed, p99 $p99 ms, slowest $worst ms"
    [ "$failed" = 0 ] || pc_fail "$failed of $count requests failed"
    [ "$count" -gt 50 ] || pc_fail "only $count requests"
    [ "${worst%.*}" -lt 200 ] || pc_fail "a request took $worst ms"
}
memory() { awk '/VmRSS/ { print $2 }' "/proc/$PC_INSPECTOR/status"; }
inspector_has() { # NAME: it is denied
    [ "$(http "$1" /)" = 403 ]
}
steady sleep 1
before=$(memory)
awk 'BEGIN { for (i = 0; i < 1000000; i++) print "host" i ".blocked-domain.example" }' >"$PC_WORK/names.txt"
commit_names() {
    pc_shell commit "$PC_WORK/rules.toml" >"$PC_WORK/commit" 2>&1 || pc_fail "commit: $(cat "$PC_WORK/commit")"
    pc_wait_for 10 inspector_has "$1" || pc_fail "the inspector does not know $1"
}
steady commit_names host999999.blocked-domain.example
pc_ok "a million names are committed, $(($(memory) - before)) kB more in the inspector"
expect 200 ads.example /
expect 403 host0.blocked-domain.example /
expect 200 host1000000.blocked-domain.example /
expect 200 blocked-domain.example /
[ "$(pc_shell --json show set ads | pc_json 'j["entries"]')" = 1000000 ] || pc_fail "show set ads"
# Another commit keeps the set; one with other names replaces it, and its file goes.
sed -i 's/"lan-only"/"inside-only"/' "$PC_WORK/rules.toml"
steady commit_names host1.blocked-domain.example
[ "$(find "$PC_WORK/run/names" -type f | wc -l)" = 1 ] || pc_fail "files: $(ls "$PC_WORK/run/names")"
echo last.example >"$PC_WORK/names.txt"
steady commit_names last.example
[ "$(find "$PC_WORK/run/names" -type f | wc -l)" = 1 ] || pc_fail "files: $(ls "$PC_WORK/run/names")"
expect 200 host0.blocked-domain.example /
pc_ok "$(memory) kB with one name again, $before kB at first"
# An inspector that starts finds the set without the daemon.
kill "$PC_INSPECTOR"
wait "$PC_INSPECTOR" 2>/dev/null
kill -STOP "$PC_DAEMON"
pc_background rtr "$PC_BUILD/ctl/portcullis-inspect" --run-dir "$PC_WORK/run" --state-dir "$PC_WORK/state" \
    --bpffs "$PC_WORK/bpf/portcullis" --log "$PC_WORK/eve.json" >>"$PC_WORK/inspect.log" 2>&1
pc_wait_for 5 inspector_has last.example || pc_fail "a new inspector does not know the set"
kill -CONT "$PC_DAEMON"
pc_ok "a new inspector has the set from the files"
