#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Real clients and servers, through flows that the inspector ends and through those that it only looks at (mode
# "peek"), IPv4 and IPv6, behind masquerade or (argument "no") routed: curl with HTTP/2 over TLS at nginx, ncat, SMTP,
# browsers' large hellos, 200 MB each way at one time, and clients that use their ports again at once.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
PC_MASQUERADE=${1:-yes} pc_net_up
cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[flows]
per_source = 0
[zone.lan]
interfaces = ["lan0"]
[zone.wan]
interfaces = ["wan0"]
default = "drop"
established = true
[inspect.ended]
mode = "terminate"
on_down = "drop"
deny = ["bad.example"]
[inspect.peeked]
mode = "peek"
on_down = "drop"
deny = ["bad.example"]
[[rule]]
name = "ended"
in = "lan"
out = "wan"
proto = "tcp"
dport = [25, 80, 443, 7000, 7100]
action = "inspect"
inspect = "ended"
[[rule]]
name = "peeked"
in = "lan"
out = "wan"
proto = "tcp"
dport = [2525, 7001, 7101, 8080, 8443]
action = "inspect"
inspect = "peeked"
TOML
pc_start_nginx
pc_background wan /usr/bin/python3 "$PC_ROOT/tests/support/clients.py" serve >>"$PC_WORK/servers.log" 2>&1
pc_start_daemon
pc_start_inspector
listens() { [ "$(in_wan ss -Hltn "sport = :$1" | wc -l)" -ge 1 ]; }
for port in 25 7000 7001 7101; do
    pc_wait_for 10 listens $port || pc_fail "no server on port $port: $(cat "$PC_WORK/servers.log")"
done
inspected() { # NAME FIELD
    pc_shell --json show inspect | pc_json "sum(i['$2'] for i in j['inspects'] if i['name']=='$1')"
}
all_inspected() { [ "$(inspected "$1" allowed)" -gt 1500 ]; }

check_curl() { # NAME TLS-PORT
    local wan address got said
    for wan in "$PC_WAN4" "$PC_WAN6"; do
        address=$wan
        [[ $wan == *:* ]] && address="[$wan]"
        # 30 requests of one connection, ten at a time, and one large answer among them.
        got=$(in_lan curl -sk -m 20 --no-progress-meter --http2 -Z --parallel-max 10 --connect-to "shop.example:443:$address:$2" \
            -w '%{http_version} %{response_code} %{size_download} %{num_connects}\n' \
            -o "$PC_WORK/null#1" "https://shop.example/[1-30]" -o "$PC_WORK/large" https://shop.example/large) ||
            pc_fail "$1: curl --http2 to $wan: $got"
        said=$(sort <<<"$got" | cut -d' ' -f1-3 | uniq -c | tr -s ' \n' ' ')
        [ "$said" = " 1 2 200 20000000 30 2 200 6 " ] || pc_fail "$1: curl --http2 to $wan: $said"
        [ "$(awk '{ n += $4 } END { print n }' <<<"$got")" = 1 ] || pc_fail "$1: not one connection to $wan: $got"
        cmp -s "$PC_WORK/large" "$PC_WORK/www/large" || pc_fail "$1: 20 MB by HTTP/2 from $wan are not what they were"
        head -c 3000000 "$PC_WORK/large" | in_lan curl -sk -m 10 --http2 -T - -o /dev/null -w '%{response_code}' \
            --connect-to "shop.example:443:$address:$2" https://shop.example/put >"$PC_WORK/code"
        [[ $(cat "$PC_WORK/code") = 20[14] ]] || pc_fail "$1: 3 MB by HTTP/2 to $wan: $(cat "$PC_WORK/code")"
        in_lan curl -sk -m 5 --http2 -o /dev/null --connect-to "bad.example:443:$address:$2" https://bad.example/ &&
            pc_fail "$1: bad.example at $wan is let through"
        pc_logged "e['dest_ip'] == '$wan' and e['dest_port'] == $2 and e.get('tls', {}).get('sni') == 'shop.example' and 'h2' in e['tls']['alpn'] and p['verdict'] == 'allow'"
    done
    pc_ok "$1: HTTP/2 over TLS, curl and nginx"
}

check_ncat() { # NAME PORT
    local wan
    head -c 300000 "$PC_WORK/www/large" >"$PC_WORK/said"
    for wan in "$PC_WAN4" "$PC_WAN6"; do
        # It says that it has no more to say, and hears the rest all the same.
        in_lan timeout 10 ncat "$wan" "$2" <"$PC_WORK/said" >"$PC_WORK/heard" || pc_fail "$1: ncat to $wan: $?"
        cmp -s "$PC_WORK/said" "$PC_WORK/heard" || pc_fail "$1: ncat hears something else from $wan than it said"
        in_lan timeout 10 nc -N "$wan" "$2" <"$PC_WORK/said" >"$PC_WORK/heard" || pc_fail "$1: nc -N to $wan: $?"
        cmp -s "$PC_WORK/said" "$PC_WORK/heard" || pc_fail "$1: nc hears something else from $wan than it said"
    done
    pc_ok "$1: ncat and nc hear all that comes after their own end"
}

check_mail() { # NAME PORT
    local wan
    for wan in "$PC_WAN4" "$PC_WAN6"; do
        in_lan timeout 20 /usr/bin/python3 "$PC_ROOT/tests/support/clients.py" mail "$wan" "$2" ||
            pc_fail "$1: no mail to $wan"
    done
    pc_ok "$1: a mail by SMTP, whose server speaks first"
}

check_hello() { # NAME TLS-PORT
    local wan pause bytes
    for wan in "$PC_WAN4" "$PC_WAN6"; do
        for pause in 0 0.05; do
            bytes=$(in_lan timeout 10 /usr/bin/python3 "$PC_ROOT/tests/support/clients.py" hello "$wan" "$2" \
                "pq$pause.example" $pause) || pc_fail "$1: a browser's hello to $wan, in parts after $pause s"
            [ "$bytes" -gt 1800 ] || pc_fail "a hello of only $bytes bytes"
            pc_logged "e['dest_ip'] == '$wan' and e['dest_port'] == $2 and e.get('tls', {}).get('sni') == 'pq$pause.example' and e['tls']['ech'] and p['verdict'] == 'allow'"
        done
        in_lan timeout 10 /usr/bin/python3 "$PC_ROOT/tests/support/clients.py" hello "$wan" "$2" bad.example 0.05 \
            >/dev/null 2>&1 && pc_fail "$1: a large hello for bad.example at $wan is let through"
    done
    pc_ok "$1: hellos of $bytes bytes, with a post-quantum key share and ECH, whole and in parts"
}

check_ports() { # NAME PORT
    local wan count failed again slowest
    for wan in "$PC_WAN4" "$PC_WAN6"; do
        read -r count failed again slowest < <(in_lan timeout 60 /usr/bin/python3 \
            "$PC_ROOT/tests/support/clients.py" ports "$wan" "$2" 15)
        echo "  $1: $count connections from 50 ports to $wan, $failed failed, $again SYNs again, slowest $slowest ms"
        [ "$count $failed $again" = "750 0 0" ] || pc_fail "$1: of $count connections to $wan $failed failed, $again SYNs were sent again"
    done
    pc_ok "$1: 50 ports, used again and again while their last connections are in TIME_WAIT"
}

check_exchange() { # NAME PORT ADDRESS
    local began=$SECONDS frames
    frames=$(pc_reason inspect-peek)
    in_lan timeout 60 /usr/bin/python3 "$PC_ROOT/tests/support/clients.py" exchange "$3" "$2" 200000000 ||
        pc_fail "$1: 200 MB each way with $3"
    if [ "$1" = peeked ]; then
        # Until the server has acknowledged what was judged; 200 MB are thousands of frames.
        frames=$(($(pc_reason inspect-peek) - frames))
        [ $frames -le 100 ] || pc_fail "200 MB were not let go: $frames frames of it were looked at"
    fi
    pc_ok "$1: 200 MB each way at one time with $3 have equal SHA-256, $((SECONDS - began)) s"
}

for way in "ended 443 7000 25 80" "peeked 8443 7001 2525 8080"; do
    read -r name tls echo smtp http <<<"$way"
    check_curl "$name" "$tls"
    check_hello "$name" "$tls"
    check_ncat "$name" "$echo"
    check_mail "$name" "$smtp"
    check_ports "$name" "$http"
    pc_wait_for 5 all_inspected "$name" || pc_fail "$name: only $(inspected "$name" allowed) flows were inspected"
done
# Each mode with each family, over both runs of this test.
if [ "${1:-yes}" = yes ]; then
    check_exchange ended 7100 "$PC_WAN4"
    check_exchange peeked 7101 "$PC_WAN6"
else
    check_exchange ended 7100 "$PC_WAN6"
    check_exchange peeked 7101 "$PC_WAN4"
fi
[ "$(pc_reason inspect-stray)" = 0 ] || pc_fail "the inspector's namespace sent stray packets"
