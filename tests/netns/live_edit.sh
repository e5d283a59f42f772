#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A rule edited in the shell takes effect on the next packet; comments of the file, counters and ids
# survive; a bad edit or a stale candidate changes nothing; rollback and block work live.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
cat >"$PC_WORK/rules.toml" <<'TOML'
# head comment
schema = 1
[host]
name = "edit-gw"          # the name in the prompt
management = ["10.77.1.0/24"]
[zone.lan]
interfaces = ["lan0"]
[zone.wan]
interfaces = ["wan0"]

# the one rule
[[rule]]
name = "telnet"
in = "lan"
proto = "tcp"
dport = 23                # telnet, of all things
action = "drop"
TOML
pc_start_servers
pc_start_daemon
pc_tcp in_lan "$PC_WAN4" 23
[ $? = 2 ] || pc_fail "telnet is not dropped"
counted=$(pc_packets telnet)
[ "$counted" -ge 1 ] || pc_fail "telnet did not count"
pc_tcp in_lan "$PC_WAN4" 2323 || pc_fail "2323 does not answer before the edit"

pc_shell -c configure -c 'set rule telnet dport 2323' -c 'commit comment "moved"' || pc_fail "commit"
pc_tcp in_lan "$PC_WAN4" 23 || pc_fail "port 23 is still dropped after the commit"
pc_tcp in_lan "$PC_WAN4" 2323
[ $? = 2 ] || pc_fail "port 2323 is not dropped after the commit"
pc_ok "the edit is in effect on the next packet"
[ "$(pc_packets telnet)" -gt "$counted" ] || pc_fail "the rule's counter did not survive the commit"
pc_ok "the counter went on from $counted to $(pc_packets telnet)"
for text in '# head comment' '# the one rule' '# telnet, of all things' '# the name in the prompt'; do
    grep -qF "$text" "$PC_WORK/rules.toml" || pc_fail "the comment '$text' is lost"
done
pc_ok "comments survived"
pc_shell show commits | grep -qE '(local|ssh) .*moved' ||
    pc_fail "show commits does not say who came how: $(pc_shell show commits)"

cp "$PC_WORK/rules.toml" "$PC_WORK/before"
pc_shell -c configure -c 'set rule telnet dprot 1' -c commit 2>"$PC_WORK/err" && pc_fail "a bad edit was taken"
grep -q "dport" "$PC_WORK/err" || pc_fail "no did-you-mean: $(cat "$PC_WORK/err")"
cmp -s "$PC_WORK/before" "$PC_WORK/rules.toml" || pc_fail "a bad edit changed the file"
echo 'schema = 1
[[rule]]
name = "x"
action = drop' >"$PC_WORK/bad.toml"
pc_shell commit "$PC_WORK/bad.toml" >"$PC_WORK/err" 2>&1
[ $? = 1 ] || pc_fail "a bad file does not exit 1"
grep -q 'bad.toml:4:' "$PC_WORK/err" || pc_fail "no place in the message: $(cat "$PC_WORK/err")"
pc_tcp in_lan "$PC_WAN4" 2323
[ $? = 2 ] || pc_fail "a refused commit changed the filter"
pc_ok "bad edits and bad files change nothing"

pc_shell -c configure -c 'set rule other in lan proto tcp dport 7000 action reject' \
    -c 'insert rule other before telnet' -c commit || pc_fail "insert"
pc_shell --json show rules | pc_json "[r['name'] for r in j['rules']]" | grep -q "'other', 'telnet'" ||
    pc_fail "insert before did not order the rules"
pc_tcp in_lan "$PC_WAN4" 7000
[ $? = 1 ] || pc_fail "the inserted rule does not reject"
pc_shell -c configure -c 'delete rule other' -c commit || pc_fail "delete"
pc_tcp in_lan "$PC_WAN4" 7000 || pc_fail "the deleted rule still rejects"
pc_ok "insert and delete"

pc_shell block "$PC_WAN4" for 3s || pc_fail "block"
pc_tcp in_lan "$PC_WAN4" 7000
[ $? = 2 ] || pc_fail "a blocked address still answers"
pc_wait_for 5 pc_tcp in_lan "$PC_WAN4" 7000 || pc_fail "the block did not end by itself"
pc_ok "block for 3s ends by itself"
pc_shell block "$PC_WAN6" for 1h || pc_fail "block prefix"
pc_shell unblock "$PC_WAN6" || pc_fail "unblock prefix"
pc_tcp in_lan "$PC_WAN6" 7000 || pc_fail "unblock did not help"
pc_shell block 10.77.1.2 for 1h >/dev/null 2>&1
[ $? = 5 ] || pc_fail "blocking a management address is not refused with exit code 5"
pc_ok "block of a management address is refused"
pc_shell rollback 1 now >/dev/null || pc_fail "rollback"
pc_ok "rollback"
pc_shell audit >"$PC_WORK/out" || pc_fail "the audit finds: $(cat "$PC_WORK/out")"
pc_ok "the audit finds nothing after all edits"
