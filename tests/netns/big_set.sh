#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A set of a million prefixes from a file, committed and edited under traffic. The classifier's memory grows
# meanwhile, which replaces the programs of every interface: no packet is judged by no rules, and every
# counter lives through it.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
list() { # FILE [LINE]
    {
        echo "# lines that overlap, repeat and touch are welcome"
        /usr/bin/python3 - <<'PYTHON'
import random
dice = random.Random(7)
for _ in range(1_000_000):
    number = dice.getrandbits(31) | 1 << 31 if dice.getrandbits(1) else dice.getrandbits(30) | 1 << 30
    print(f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")
for _ in range(100_000):
    print(f"2a00:{dice.getrandbits(16):x}:{dice.getrandbits(16):x}::/48")
PYTHON
        echo "$PC_BAD4/32"
        echo "$PC_BAD4"
        echo "$PC_BAD6-$PC_BAD6"
        echo "${2:-}"
    } >"$1"
}
list "$PC_WORK/list.txt"
rules() { # EXTRA
    printf 'schema = 1\n[zone.wan]\ninterfaces = ["wan0"]\n%s\n' "$1"
    printf '[[rule]]\nname = "flood"\nin = "wan"\nproto = "udp"\ndport = 5000\naction = "drop"\n'
}
big='[set.list]
type = "prefix"
file = "list.txt"
exclude = ["'$PC_WAN4'", "'$PC_WAN6'", "'$PC_RTR4'"]
[[rule]]
name = "list"
in = "wan"
src = "@list"
action = "drop"'
rules "" >"$PC_WORK/rules.toml"
pc_start_daemon
rules "$big" >"$PC_WORK/big.toml"
rules "" >"$PC_WORK/small.toml"
pc_start_sink 5000 "$PC_WORK/sunk"
pc_background wan /usr/bin/python3 "$PC_ROOT/tests/support/probe.py" flood "$PC_RTR4" 5000 12 "$PC_WAN4" \
    >"$PC_WORK/sent"
flood=$!
began=$(date +%s%N)
pc_shell commit "$PC_WORK/big.toml" >"$PC_WORK/out" || pc_fail "commit of a million prefixes: $(cat "$PC_WORK/out")"
pc_ok "a commit of 1,100,000 prefixes took $((($(date +%s%N) - began) / 1000000)) ms"
pc_shell commit "$PC_WORK/small.toml" >/dev/null || pc_fail "commit of the small rules"
pc_shell commit "$PC_WORK/big.toml" >/dev/null || pc_fail "commit of the large set again"
wait "$flood"
sleep 0.3
kill -TERM "$PC_SINK"
wait "$PC_SINK"
[ "$(cat "$PC_WORK/sunk")" = 0 ] || pc_fail "$(cat "$PC_WORK/sunk") packets met no rule"
[ "$(pc_packets flood)" = "$(cat "$PC_WORK/sent")" ] ||
    pc_fail "$(cat "$PC_WORK/sent") sent, $(pc_packets flood) counted"
pc_ok "$(cat "$PC_WORK/sent") packets meanwhile, each dropped and counted by its rule"

dropped() { # WHAT ADDRESS-OF-ROUTER SOURCE RULE
    local before
    before=$(pc_packets "$4")
    pc_udp in_wan "$2" 7 "$3"
    [ $? = 2 ] || pc_fail "$1: answered"
    [ "$(pc_packets "$4")" -gt "$before" ] || pc_fail "$1: not counted by $4"
    pc_ok "$1"
}
# The neighbour is resolved first: a listed address would ask for it in vain.
for address in "$PC_RTR4 $PC_WAN4" "$PC_RTR6 $PC_WAN6"; do
    # shellcheck disable=SC2086 # two words
    pc_udp in_wan ${address% *} 7 ${address#* }
    [ $? = 1 ] || pc_fail "an excluded address is not answered: $address"
done
pc_ok "excluded addresses pass"
dropped "a listed IPv4 address is dropped" "$PC_RTR4" "$PC_BAD4" list
dropped "a listed IPv6 address is dropped" "$PC_RTR6" "$PC_BAD6" list

# One line more, in place.
sed -i "s/^$PC_BAD4\$//; s/^$PC_BAD4\/32\$//" "$PC_WORK/list.txt"
began=$(date +%s%N)
pc_shell commit "$PC_WORK/big.toml" >/dev/null || pc_fail "commit of one prefix less"
pc_ok "a commit of one prefix less took $((($(date +%s%N) - began) / 1000000)) ms"
pc_udp in_wan "$PC_RTR4" 7 "$PC_BAD4"
[ $? = 1 ] || pc_fail "an address that left the set is still dropped"
pc_ok "an address that left the set passes"
dropped "one that stayed is dropped" "$PC_RTR6" "$PC_BAD6" list

pc_shell block "$PC_BAD4" for 1m >/dev/null || pc_fail "block"
pc_udp in_wan "$PC_RTR4" 7 "$PC_BAD4"
[ $? = 2 ] || pc_fail "a blocked address is answered"
[ "$(pc_reason block)" -ge 1 ] || pc_fail "the block is not counted"
pc_shell unblock "$PC_BAD4" >/dev/null || pc_fail "unblock"
pc_udp in_wan "$PC_RTR4" 7 "$PC_BAD4"
[ $? = 1 ] || pc_fail "an address that was unblocked is dropped"
pc_ok "block and unblock hold at once"

pc_shell audit >"$PC_WORK/out" || pc_fail "the audit finds: $(cat "$PC_WORK/out")"
pc_ok "the audit finds nothing: $(grep MiB "$PC_WORK/out")"
