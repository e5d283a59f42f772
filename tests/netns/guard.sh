#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# [guard] sources: a flood from one address outside is proposed as a block, then blocked for a time; others beside it are
# not touched, and who must not be blocked is not. Both families.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
other4=203.0.113.77
other6=2001:db8:bad:1::77
manager=203.0.113.88
friend=203.0.113.99
for address in $other4/32 $manager/32 $friend/32; do ip -n "$PC_NS-wan" addr add "$address" dev eth0; done
ip -n "$PC_NS-wan" addr add $other6/128 dev eth0 nodad
write_rules() { # MODE BLOCK_FOR
    cat >"$PC_WORK/next.toml" <<TOML
schema = 1
[host]
management = ["$manager", "10.77.1.0/24"]
[zone.lan]
interfaces = ["lan0"]
established = true
[zone.wan]
interfaces = ["wan0"]
default = "drop"
established = true
[guard]
sources = "$1"
sources_above = "1000pps"
block_for = "$2"
except = ["$friend"]
[[rule]]
name = "ping"
in = "wan"
proto = ["icmp", "icmp6"]
action = "accept"
TOML
}
write_rules log 10m
cp "$PC_WORK/next.toml" "$PC_WORK/rules.toml"
pc_start_daemon

flood() { # SOURCE SECONDS
    local to=$PC_RTR4
    [[ $1 == *:* ]] && to=$PC_RTR6
    pc_background wan /usr/bin/python3 "$PC_ROOT/tests/support/probe.py" flood "$to" 9 "$2" "$1" >/dev/null
}
entries() { pc_shell --json show set blocks | pc_json "' '.join(sorted(e['prefix'] for e in j['live']))"; }
says() { grep -qE "$1" "$PC_WORK/daemon.log"; }
since() { echo $((($(date +%s%N) - began) / 1000000)); }
pings() { # SOURCE ADDRESS
    in_wan ping -q -c 1 -W 1 -I "$1" "$2" >/dev/null
}

# ---- log
began=$(date +%s%N)
flood $PC_BAD4 5
flood $PC_BAD6 5
pc_wait_for 5 says "guard: proposed: block $PC_BAD4/32 for 10m \([0-9.]+k pps\)" || pc_fail "no proposal"
pc_wait_for 5 says 'guard: proposed: block 2001:db8:bad::/64 for 10m' || pc_fail "no proposal for IPv6"
pc_ok "both floods are proposed after $(since) ms"
pc_shell show guard | grep -q "proposed: block $PC_BAD4/32 for 10m" || pc_fail "show guard: $(pc_shell show guard)"
pc_shell --json show guard | pc_json "(j['sources']['mode'], j['sources']['heaviest'][0]['pps'] > 1000)" |
    grep -qF "('log', True)" || pc_fail "show guard: $(pc_shell --json show guard)"
wait "${PC_PIDS[-1]}" "${PC_PIDS[-2]}"
[ "$(grep -c 'guard: proposed' "$PC_WORK/daemon.log")" = 2 ] || pc_fail "one line a minute for each source"
[ -z "$(entries)" ] || pc_fail "blocked: $(entries)"
[ "$(pc_reason block)" = 0 ] || pc_fail "packets were blocked"
pc_ok "each is said once, and nothing is blocked"

# ---- block
write_rules block 6s
pc_shell commit "$PC_WORK/next.toml" >/dev/null || pc_fail "commit of the block mode"
blocked() { [[ " $(entries) " == *" $1 "* ]]; }
began=$(date +%s%N)
flood $PC_BAD4 5
flood $PC_BAD6 5
pc_wait_for 5 blocked $PC_BAD4/32 || pc_fail "not blocked: $(entries)"
pc_wait_for 5 blocked 2001:db8:bad::/64 || pc_fail "not blocked: $(entries)"
took=$(since)
[ "$took" -lt 4000 ] || pc_fail "that took $took ms"
pc_ok "both are in @blocks after $took ms"
before=$(pc_reason block)
dropped() { [ "$(pc_reason block)" -gt $((before + 1000)) ]; }
pc_wait_for 4 dropped || pc_fail "the floods are not dropped as blocked"
pings $PC_BAD4 $PC_RTR4 && pc_fail "a source that floods is answered"
pings $PC_BAD6 $PC_RTR6 && pc_fail "a source that floods is answered by IPv6"
pings $other4 $PC_RTR4 || pc_fail "another source is hit"
pings $other6 $PC_RTR6 || pc_fail "another source is hit by IPv6"
pings $PC_WAN4 $PC_RTR4 || pc_fail "the gateway is hit"
pc_shell --json show set blocks | pc_json "sorted({(e['who'], e['comment'][:7]) for e in j['live']})" |
    grep -qF "[('guard', 'blocked')]" || pc_fail "who blocked: $(pc_shell --json show set blocks)"
pc_ok "they are dropped, others are not"
none() { [ -z "$(entries)" ]; }
pc_wait_for 12 none || pc_fail "still blocked: $(entries)"
pings $PC_BAD4 $PC_RTR4 || pc_fail "still not answered"
pings $PC_BAD6 $PC_RTR6 || pc_fail "still not answered by IPv6"
pc_ok "the blocks end by their time"

# ---- who is never blocked
flood $manager 4
flood $friend 4
flood $PC_WAN4 4
pc_wait_for 6 says "guard: not blocked: $manager/32 .*: .* of @management" || pc_fail "nothing about management"
pc_wait_for 6 says "guard: not blocked: $friend/32 .*: \[guard\] except names it" || pc_fail "nothing about except"
pc_wait_for 6 says "guard: not blocked: $PC_WAN4/32 .*: .* of @local" || pc_fail "nothing about the gateway"
[ -z "$(entries)" ] || pc_fail "blocked: $(entries)"
pings $manager $PC_RTR4 || pc_fail "management is not answered"
pc_ok "management, exceptions and the gateway are spared, and that is said"

# ---- the operator's own entry stays as it is
pc_shell block $PC_BAD4 for 1h comment mine >/dev/null || pc_fail "block"
flood $PC_BAD4 3
wait "${PC_PIDS[-1]}"
[ "$(pc_shell --json show set blocks | pc_json "[e['comment'] for e in j['live']]")" = "['mine']" ] ||
    pc_fail "the operator's entry: $(pc_shell --json show set blocks)"
pc_ok "an entry of the operator is left alone"
