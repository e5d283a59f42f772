#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The same random rules in portcullis and in nft, each on a router of its own, and the same packets through
# both: the same packets arrive behind the router, and every rule has counted the same.
# PC_SEED, PC_RULES and PC_PACKETS make other and longer runs.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
seed=${PC_SEED:-$((RANDOM % 1000))} rules=${PC_RULES:-150} packets=${PC_PACKETS:-4000}
tool() { /usr/bin/python3 "$PC_ROOT/tests/support/nft_witness.py" "$@"; }
[ "$(id -u)" = 0 ] || pc_skip "network namespaces need root"
results=$(mktemp -d /tmp/portcullis.XXXXXX)
trap 'rm -rf "$results"' EXIT

mac_of() { # NS DEVICE
    ip -n "$PC_NS-$1" -j link show "$2" | pc_json 'j[0]["address"]'
}

# Nobody asks for anybody's address, and all of 10/8 and 20/8 is behind the one host or the other.
prepare() {
    in_rtr sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.wan0.rp_filter=0 \
        net.ipv4.conf.lan0.rp_filter=0 net.ipv4.conf.all.send_redirects=0 \
        net.ipv4.icmp_ratelimit=0
    local side net4 net6 via4 via6
    while read -r side net4 net6 via4 via6; do
        ip -n "$PC_NS-rtr" neigh replace "$via4" dev "${side}0" lladdr "$(mac_of "$side" eth0)" nud permanent
        ip -n "$PC_NS-rtr" neigh replace "$via6" dev "${side}0" lladdr "$(mac_of "$side" eth0)" nud permanent
        ip -n "$PC_NS-rtr" route add "$net4" via "$via4" dev "${side}0"
        ip -n "$PC_NS-rtr" -6 route add "$net6" via "$via6" dev "${side}0"
    done <<ROUTES
lan 10.0.0.0/8 2a00:10::/32 10.77.1.2 fd77:1::2
wan 20.0.0.0/8 2a00:20::/32 $PC_WAN4 $PC_WAN6
ROUTES
}

# In a subshell with namespaces of its own: FILTER, which starts it, and COUNT, which prints its counters.
phase() (
    PC_MASQUERADE=no pc_net_up
    prepare
    "start_$1" || pc_fail "$1 does not take the rules"
    for from in wan lan; do
        to=lan
        [ $from = wan ] || to=wan
        pc_background $to /usr/bin/python3 "$PC_ROOT/tests/support/nft_witness.py" catch eth0 \
            "$results/$1.$from"
        catcher=$!
        sleep 0.7
        nsenter --net="/run/netns/$PC_NS-$from" /usr/bin/python3 \
            "$PC_ROOT/tests/support/nft_witness.py" send "$seed" "$rules" "$packets" $from eth0 \
            "$(mac_of rtr ${from}0)" || pc_fail "packets cannot be sent"
        sleep 0.7
        kill -TERM "$catcher"
        wait "$catcher"
    done
    "count_$1" >"$results/$1.counters" || pc_fail "$1 has no counters"
)

start_nft() { in_rtr nft -f "$results/rules.nft"; }
count_nft() { in_rtr nft -j list ruleset | tool counters nft; }
start_portcullis() {
    cp "$results/rules.toml" "$PC_WORK/rules.toml"
    pc_start_daemon
    pc_shell show status | grep -q . && ! pc_shell --json show status | grep -q '"config_error": *"[^"]'
}
count_portcullis() { pc_shell --json show rules | tool counters portcullis; }

arrived() { wc -l <"$results/nft.$1"; }

# Some packets pass and some do not, from either side: what both filters agree on says something.
telling() {
    local from
    for from in wan lan; do
        [ "$(arrived $from)" -ge $((packets / 50)) ] || return 1
        [ "$(arrived $from)" -le $((packets * 49 / 50)) ] || return 1
    done
}

# One seed in some hundred puts a rule for nearly everything first: then another is taken.
for _ in 1 2 3 4; do
    echo "PC_SEED=$seed PC_RULES=$rules PC_PACKETS=$packets"
    tool rules "$seed" "$rules" "$results" || pc_fail "no rules"
    phase nft || exit $?
    ! telling || break
    echo "$(arrived wan) and $(arrived lan) of $packets packets arrive: that proves little"
    seed=$((seed + 1000))
done
telling || pc_fail "four seeds, and none that tells anything"
phase portcullis || exit $?
for from in wan lan; do
    cmp "$results/nft.$from" "$results/portcullis.$from" ||
        pc_fail "other packets from $from arrive: $(diff "$results/nft.$from" "$results/portcullis.$from" | head -5)"
    pc_ok "the same $(arrived $from) of $packets packets from $from arrive"
done
diff "$results/nft.counters" "$results/portcullis.counters" >"$results/difference" ||
    pc_fail "rules have counted other packets: $(head -10 "$results/difference")"
hit=$(awk '$2 > 0' "$results/nft.counters" | wc -l)
[ "$hit" -gt $((rules / 10)) ] || pc_fail "only $hit of $rules rules were met"
pc_ok "the same counters of $rules rules, $hit of them met"
