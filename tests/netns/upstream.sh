#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Several servers behind an inspect: spread by weight, clients that keep theirs, a server that dies and
# comes back, one that drains, least-connections, PROXY headers as a server of ours and haproxy read
# them, and none left. IPv4 and IPv6, clients of the one with servers of the other, behind masquerade.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
rules() { # DRAIN: whether server c drains
    cat <<TOML
schema = 1
[zone.lan]
interfaces = ["lan0"]
[zone.wan]
interfaces = ["wan0"]
TOML
    inspect() { # NAME PORT UPSTREAM [HEALTH]
        cat <<TOML
[inspect.$1]
upstream = { $3, health = { interval = "200ms", timeout = "1s", fall = 2, rise = 2${4:+, $4} } }
[[rule]]
name = "$1"
in = "lan"
out = "wan"
proto = "tcp"
dport = $2
action = "inspect"
inspect = "$1"
TOML
    }
    local three="servers = [\"$PC_WAN4:9001\", \"$PC_WAN4:9002\", { address = \"[$PC_WAN6]:9003\", weight = 2, drain = $1 }]"
    inspect web 8001 "$three" 'http_path = "/well", http_host = "well.example"'
    inspect least 8002 "$three, balance = \"least-connections\""
    inspect proxy 8003 "servers = \"$PC_WAN4:9004\", proxy_protocol = true"
    inspect haproxy 8004 "servers = \"[$PC_WAN6]:9005\", proxy_protocol = true"
    inspect dead 8005 "servers = [\"$PC_WAN4:9099\", \"[$PC_WAN6]:9099\"]"
    inspect spare 9001 "servers = \"$PC_WAN4:9099\", on_none = \"pass\""
    inspect sick 8006 "servers = [\"$PC_WAN4:9001\", \"$PC_WAN4:9004\"]" 'http_path = "/sick"'
    # Nothing answers at 203.0.113.77, not even that there is nothing.
    inspect silent 8007 "servers = [\"203.0.113.77:80\", \"$PC_WAN4:9001\"], connect_timeout = \"200ms\"" 'active = false'
}
start_server() { # NAME ADDRESS PORT [proxy]; its process id is in $!
    pc_background wan /usr/bin/python3 "$PC_ROOT/tests/support/upstream.py" serve "$@"
}
answers() { in_wan bash -c "exec 3<>/dev/tcp/$1/$2"; } # ADDRESS PORT
ask() { # SOURCE ADDRESS PORT: what the server that is reached answers
    local to=$2
    [[ $2 == *:* ]] && to="[$2]"
    in_lan curl -s -m 5 --interface "$1" "http://$to:$3/"
}
servers_of() { # INSPECT EXPRESSION: over s, each of its servers; all values, in the order of the rules
    pc_shell --json show inspect |
        pc_json "' '.join(str($2) for i in j['inspects'] if i['name'] == '$1' for s in i['upstream']['servers'])"
}
states_are() { [ "$(servers_of web "s['state']")" = "$1" ]; }
clients=()
for i in {10..105}; do
    clients+=("10.77.1.$i")
    ip -n "$PC_NS-lan" addr add "10.77.1.$i/24" dev eth0
done
ask_all() { # prints "CLIENT SERVER" for each client, sorted
    # shellcheck disable=SC2016 # the inner shell's
    printf '%s\n' "${clients[@]}" |
        in_lan xargs -P 8 -I {} sh -c 'echo "{} $(curl -s -m 5 --interface {} "http://$0:8001/")"' $PC_WAN4 | sort
}
count() { grep -c " $1\$" "$2"; } # SERVER FILE

start_server a $PC_WAN4 9001
start_server b $PC_WAN4 9002
server_b=$!
start_server c $PC_WAN6 9003
start_server p $PC_WAN4 9004 proxy
cat >"$PC_WORK/haproxy.cfg" <<CFG
defaults
    mode http
    timeout client 5s
frontend judge
    bind [$PC_WAN6]:9005 accept-proxy
    http-request return status 200 content-type text/plain lf-string "h %[src] %[src_port] %[dst] %[dst_port]\n"
CFG
pc_background wan haproxy -db -f "$PC_WORK/haproxy.cfg" >"$PC_WORK/haproxy.log" 2>&1
for place in "$PC_WAN4 9001" "$PC_WAN4 9002" "$PC_WAN6 9003" "$PC_WAN4 9004" "$PC_WAN6 9005"; do
    # shellcheck disable=SC2086 # two words
    pc_wait_for 10 answers $place || pc_fail "no server at $place: $(cat "$PC_WORK/haproxy.log")"
done
rules false >"$PC_WORK/rules.toml"
pc_start_daemon
pc_start_inspector
pc_wait_for 5 states_are "up up up" || pc_fail "show inspect: $(pc_shell show inspect)"

ask_all >"$PC_WORK/first"
total=${#clients[@]}
[ "$(grep -c ' [abc]$' "$PC_WORK/first")" = "$total" ] || pc_fail "not every client is answered: $(cat "$PC_WORK/first")"
# The hash has no secret, so these are always the same.
for least in "a 16" "b 16" "c 36"; do
    [ "$(count "${least% *}" "$PC_WORK/first")" -ge "${least#* }" ] ||
        pc_fail "server ${least% *} has too few clients: $(cat "$PC_WORK/first")"
done
ask_all | cmp -s - "$PC_WORK/first" || pc_fail "a client does not keep its server"
pc_ok "maglev: $(count a "$PC_WORK/first"), $(count b "$PC_WORK/first"), $(count c "$PC_WORK/first") clients of weight 1, 1, 2, and again the same"
[[ $(ask fd77:1::2 "$PC_WAN6" 8001) == [abc] ]] || pc_fail "an IPv6 client is not answered"
pc_logged "p.get('upstream') == '$PC_WAN4:9001' and e['dest_ip'] == '$PC_WAN4' and e['dest_port'] == 8001 and e['src_ip'].startswith('10.77.1.')"
pc_logged "p.get('upstream') == '[$PC_WAN6]:9003' and e['src_ip'].startswith('10.77.1.')"

# A server dies: those of its clients that come next are served by another at once.
kill -9 $server_b
wait $server_b 2>/dev/null
ask_all >"$PC_WORK/second"
[ "$(grep -c ' [ac]$' "$PC_WORK/second")" = "$total" ] || pc_fail "requests failed when b died: $(cat "$PC_WORK/second")"
comm -23 "$PC_WORK/first" "$PC_WORK/second" | grep -v ' b$' && pc_fail "clients of other servers moved when b died"
pc_wait_for 5 states_are "up down up" || pc_fail "b is not taken out: $(pc_shell show inspect)"
# Here its clients are sooner than the checks; nobody asks that of "least".
refused() { pc_shell show inspect | grep "^least .*$PC_WAN4:9002 .*down .*connection refused"; }
pc_wait_for 5 refused || pc_fail "show inspect: $(pc_shell show inspect)"
grep -q "inspect web: server $PC_WAN4:9002 is down: 5 connections in a row failed" "$PC_WORK/inspect.log" || pc_fail "nothing is said of b"
pc_ok "a dead server costs no request, and its clients alone move"
start_server b $PC_WAN4 9002
pc_wait_for 5 states_are "up up up" || pc_fail "b does not come back: $(pc_shell show inspect)"
ask_all | cmp -s - "$PC_WORK/first" || pc_fail "the clients of b do not come back to it"
pc_ok "a server that comes back has its clients again"

# Twelve connections that last: as many as the weights say, and they outlive a drain.
mkfifo "$PC_WORK/more"
exec {more}<>"$PC_WORK/more"
pc_background lan /usr/bin/python3 "$PC_ROOT/tests/support/upstream.py" hold 10.77.1.10 $PC_WAN4 8002 12 \
    "$PC_WORK/more" >"$PC_WORK/held"
held="a a a b b b c c c c c c"
pc_wait_for 8 grep -qx "$held" "$PC_WORK/held" || pc_fail "least-connections: $(cat "$PC_WORK/held")"
rules true >"$PC_WORK/drain.toml"
sleep 0.3 # what is shown is written every 100 ms
chosen=$(servers_of web "s['chosen']")
pc_shell commit "$PC_WORK/drain.toml" >/dev/null || pc_fail "commit of a drain"
has_three() { [ "$(servers_of least "'%s:%s' % (s['drain'], s['active'])")" = "False:3 False:3 True:6" ]; }
pc_wait_for 3 has_three || pc_fail "$(pc_shell show inspect)"
[ "$(servers_of web "s['chosen']")" = "$chosen" ] || pc_fail "a commit loses what is known of servers"
ask_all >"$PC_WORK/third"
[ "$(grep -c ' [ab]$' "$PC_WORK/third")" = "$total" ] || pc_fail "a draining server has new flows: $(cat "$PC_WORK/third")"
echo >&"$more"
asked_twice() { [ "$(grep -cx "$held" "$PC_WORK/held")" = 2 ]; }
pc_wait_for 5 asked_twice || pc_fail "a drain ends connections: $(cat "$PC_WORK/held")"
pc_shell show inspect | grep -q "\[$PC_WAN6\]:9003 .*draining" || pc_fail "show inspect: $(pc_shell show inspect)"
pc_ok "draining: old connections go on, new ones go elsewhere; least-connections by weight"

# Checks by HTTP: one server answers 503, the other waits for the rest of a PROXY header until time is over.
sick() { [ "$(servers_of sick "s['state'] + ':' + s['fault']")" = "down:status 503 down:connection timed out" ]; }
pc_wait_for 5 sick || pc_fail "checks by HTTP: $(pc_shell show inspect)"
# A server that is silent costs its clients a moment, and after five of them nobody any more.
for client in "${clients[@]:0:24}"; do
    [ "$(ask "$client" $PC_WAN4 8007)" = a ] || pc_fail "a silent server costs a request"
done
[ "$(servers_of silent "s['state'] + str(s['failed'])")" = "down5 up0" ] || pc_fail "$(pc_shell show inspect)"
pc_logged "e['dest_port'] == 8007 and p['upstream'] == '$PC_WAN4:9001' and 'error' not in p"
pc_ok "checks hear what servers answer; one that is silent is taken out by its clients"

# PROXY headers name the client before masquerade and whom it asked for, whatever leg goes onward.
for case in "p 8003" "h 8004"; do
    read -r name port <<<"$case"
    for pair in "10.77.1.10 $PC_WAN4" "fd77:1::2 $PC_WAN6"; do
        read -r client wan <<<"$pair"
        seen=$(ask "$client" "$wan" "$port")
        [[ $seen =~ ^$name\ $client\ [0-9]+\ $wan\ $port$ ]] || pc_fail "the header says to $name: $seen"
    done
done
pc_ok "PROXY headers, IPv4 and IPv6, as read by a server of ours and by haproxy"

ask 10.77.1.10 $PC_WAN4 8005
status=$?
[ $status = 56 ] || pc_fail "all servers are down, and curl ends with $status: not reset"
pc_logged "e['dest_port'] == 8005 and p['error'] == 'no server is up' and e['flow']['reason'] == 'upstream-failed'"
[ "$(ask 10.77.1.10 $PC_WAN4 9001)" = a ] || pc_fail "on_none = pass does not pass to the original destination"
pc_logged "e['dest_port'] == 9001 and 'upstream' not in p and p['verdict'] == 'allow'"
pc_shell check "$PC_WORK/drain.toml" >/dev/null || pc_fail "check"
sed 's/^\[inspect.web\]/&\nmode = "peek"/' "$PC_WORK/drain.toml" >"$PC_WORK/peek.toml"
pc_shell commit "$PC_WORK/peek.toml" >"$PC_WORK/out" 2>&1 && pc_fail "mode peek with an upstream is taken"
grep -q 'upstream\] does not go with mode = "peek"' "$PC_WORK/out" || pc_fail "$(cat "$PC_WORK/out")"
pc_ok "without a server the client is reset, or gets the original one; peek and upstream do not mix"
