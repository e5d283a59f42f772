#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Dynamic sets from the shell: entries come and go without a commit, end by themselves, outlive
# commits, rollbacks and the daemon, and explain knows them.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
rules() { # rules TABLE...: the rule file with these tables
    cat <<'TOML'
schema = 1
[host]
management = ["10.77.1.0/24"]
[zone.lan]
interfaces = ["lan0"]
[zone.wan]
interfaces = ["wan0"]
TOML
    printf '%s\n' "$@"
}
scrub=$'[set.scrub]\ndynamic = true\nttl = "1h"\nmax = 3\n[set.brief]\ndynamic = true\npersist = false'
rule=$'[[rule]]\nname = "victims"\nin = "wan"\nsrc = ["@scrub", "@brief"]\naction = "drop"'
rules "$scrub" "$rule" >"$PC_WORK/rules.toml"
pc_start_servers
pc_start_daemon

entries() { # entries SET: its prefixes
    pc_shell --json show set "$1" | pc_json "' '.join(e['prefix'] for e in j['live'])"
}
verdict() { # verdict ADDRESS: of a packet from it
    pc_shell --json explain packet in wan udp "$1:53" 10.77.1.2:53 | pc_json "j['verdict']"
}

pc_shell block 192.0.2.0/24 in scrub comment "ticket 4411" | grep -q 'added 192.0.2.0/24 to set scrub until .* (1 entry)' ||
    pc_fail "block in a set"
pc_shell block 192.0.2.7 for 2s in @scrub >/dev/null || pc_fail "block with a time of its own"
pc_shell block 198.18.0.1 in brief | grep -q 'for good' || pc_fail "a set without ttl"
[ "$(entries scrub)" = "192.0.2.0/24 192.0.2.7/32" ] || pc_fail "entries: $(entries scrub)"
[ "$(verdict 192.0.2.9)" = drop ] || pc_fail "explain does not know the entry"
[ "$(verdict 192.0.3.9)" = accept ] || pc_fail "explain knows too much"
pc_shell show set scrub match 192.0.2.9 | grep -q '192.0.2.9 is in 192.0.2.0/24  set scrub  until .*"ticket 4411"' ||
    pc_fail "match: $(pc_shell show set scrub match 192.0.2.9)"
pc_shell show sets | grep -qE '^scrub +prefix +2 +3 +dynamic, ttl 1h +victims' || pc_fail "show sets: $(pc_shell show sets)"
pc_shell show status | grep -q 'dynamic .*blocks 0 .*brief 1 .*scrub 2' || pc_fail "show status: $(pc_shell show status)"
pc_ok "entries come without a commit"

pc_shell block 203.0.113.1 in scrub >/dev/null || pc_fail "the third entry"
pc_shell block 203.0.113.2 in scrub 2>"$PC_WORK/err" && pc_fail "a full set takes an entry"
grep -q 'full' "$PC_WORK/err" || pc_fail "what is wrong with a full set: $(cat "$PC_WORK/err")"
pc_shell block 203.0.113.2 in scurb >"$PC_WORK/err" 2>&1
[ $? = 2 ] || pc_fail "an unknown set does not exit 2"
grep -q "did you mean 'scrub'" "$PC_WORK/err" || pc_fail "no did-you-mean: $(cat "$PC_WORK/err")"
pc_shell block 10.77.1.0/28 in scrub >"$PC_WORK/err" 2>&1
[ $? = 5 ] || pc_fail "an entry that drops management addresses is not refused"
gone() { [ "$(entries scrub)" = "192.0.2.0/24 203.0.113.1/32" ]; }
pc_wait_for 5 gone || pc_fail "the entry of 2s did not end: $(entries scrub)"
pc_ok "limits hold, times end"

before=$(pc_shell --json show set scrub | pc_json "[e['until'] for e in j['live']]")
rules >"$PC_WORK/without.toml"
pc_shell commit "$PC_WORK/without.toml" >/dev/null || pc_fail "commit without the set"
pc_shell block 203.0.113.9 in scrub >/dev/null 2>&1 && pc_fail "a set that is gone takes an entry"
pc_shell show sets | grep -q scrub && pc_fail "a set that is gone is shown"
pc_shell rollback 1 now >/dev/null || pc_fail "rollback"
[ "$(pc_shell --json show set scrub | pc_json "[e['until'] for e in j['live']]")" = "$before" ] ||
    pc_fail "the rollback did not bring the entries back with their times"
pc_ok "a commit and a rollback lose no entry"

pc_shell block 203.0.113.77 >/dev/null || pc_fail "block for good"
kill -TERM "$PC_DAEMON"
wait "$PC_DAEMON" 2>/dev/null
pc_start_daemon
[ "$(entries scrub)" = "192.0.2.0/24 203.0.113.1/32" ] || pc_fail "the daemon forgot: $(entries scrub)"
[ "$(entries brief)" = "" ] || pc_fail "persist = false, and the entries are still there"
[ "$(entries blocks)" = "203.0.113.77/32" ] || pc_fail "blocks: $(entries blocks)"
pc_ok "entries outlive the daemon where the set persists"

pc_shell unblock 203.0.113.1 in scrub | grep -q 'removed 203.0.113.1/32 from set scrub; was by' || pc_fail "unblock"
pc_shell unblock 203.0.113.1 in scrub >/dev/null 2>&1
[ $? = 2 ] || pc_fail "unblock of what is not there does not exit 2"
pc_shell clear set scrub | grep -q 'set scrub is empty; 1 entry removed' || pc_fail "clear set"
[ "$(entries scrub)" = "" ] || pc_fail "clear set left: $(entries scrub)"
pc_shell show blocks | grep -q '203.0.113.77/32 .*for good' || pc_fail "show blocks: $(pc_shell show blocks)"
pc_ok "unblock, clear set, show blocks"
