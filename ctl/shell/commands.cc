// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/commands.h"

#include <array>

#include "ctl/shell/configure.h"
#include "ctl/shell/flows.h"
#include "ctl/shell/general.h"
#include "ctl/shell/inspected.h"
#include "ctl/shell/live.h"
#include "ctl/shell/offline.h"
#include "ctl/shell/show.h"

namespace pc::shell {
namespace {

// clang-format off
constexpr std::array table{
    // Looking.
    Command{"show status", operational, "daemon, data plane, packets, last commit", show_status},
    Command{"show interfaces", operational, "where programs are attached, and packets", show_interfaces},
    Command{"show rules", operational, "all rules in order, with counters", show_rules},
    Command{"show rule <rule> [detail]", operational, "one rule", show_rule},
    Command{"show sets", operational, "all sets and who uses them", show_sets},
    Command{"show set <set> [match <address>]", operational, "one set; does it hold an address?", show_set},
    Command{"show blocks", operational, "what is blocked, until when and by whom", show_blocks},
    Command{"show inspect", operational, "the inspectors and their flows", show_inspect},
    Command{"show inspect flows [<inspected>...]", operational, "flows of the inspector, with the names that were asked for", show_inspect_flows},
    Command{"show drops", operational, "why packets were dropped", show_drops},
    Command{"show flows [<flow>...]", operational, "who talks to whom: flows, sorted and filtered", show_flows},
    Command{"show flow <endpoint:src> <endpoint:dst>", operational, "all that is known of the flows between two addresses", show_flow},
    Command{"show limits", operational, "rate limits, what passed and what was over", show_limits},
    Command{"show guard", operational, "guards against floods, and the heaviest sources", show_guard},
    Command{"top flows|sources|destinations [by bytes|packets] [total] [limit <number>]", operational, "who moves the most, now or in total", top_flows},
    Command{"top names [<number>] [by flows|bytes]", operational, "servers that were asked for the most, in the last minutes", top_names},
    Command{"monitor inspect", operational, "each flow that the inspector judges, until Ctrl-C", monitor_inspect},
    Command{"show commits", operational, "revisions, who made them", show_commits},
    Command{"show configuration [revision <revision>]", operational, "the text of the configuration", show_configuration},

    // Asking before it happens.
    Command{"explain packet <packet>...", both_modes, "what would happen to this packet, and why", explain_packet},
    Command{"explain --rules <file> packet <packet>...", both_modes, "the same with a rule file; needs no daemon", explain_file},
    Command{"audit", operational, "does the live classifier say what the rules say?", audit},
    Command{"check <file>", both_modes, "errors and warnings of a rule file; needs no daemon", check_file},

    // Changing live state.
    Command{"block <prefix> [for <time>] [in <dynamic>] [comment <text>] [force]", operational, "drop all packets from there, at once; or put it into a dynamic set", block},
    Command{"unblock <prefix> [in <dynamic>]", operational, "end a block, or take it out of a dynamic set", unblock},
    Command{"clear set <dynamic>", operational, "take all entries out of a dynamic set", clear_set},
    Command{"clear flows <which>...", operational, "end flows: their next packets are judged as new ones", clear_flows},
    Command{"commit <file> [comment <text>]", operational, "make a rule file the live configuration", commit_file},
    Command{"rollback <revision> now", both_modes, "make an older revision the live configuration", rollback_now},

    // The candidate.
    Command{"configure", operational, "edit a candidate of the configuration", configure},
    Command{"set <table>...", configuration, "give values to keys; makes what is not there yet", set},
    Command{"add <table>...", configuration, "add values to lists", add},
    Command{"delete <removal>...", configuration, "remove a rule, a key, or values of a list", remove},
    Command{"insert rule <rule> before|after <rule:other>", configuration, "move a rule", insert},
    Command{"show", configuration, "the candidate", show_candidate},
    Command{"compare [<revision>]", both_modes, "what differs: candidate and live, or a revision and live", compare},
    Command{"check", configuration, "errors and warnings of the candidate", check_candidate},
    Command{"commit [comment <text>]", configuration, "make the candidate live", commit},
    Command{"commit check", configuration, "ask the daemon whether the candidate could be live", commit_check},
    Command{"rollback <revision>", both_modes, "load an older revision into the candidate", rollback},
    Command{"discard", configuration, "forget the changes of the candidate", discard},
    Command{"run <command>...", configuration, "a command of operational mode", run_operational},
    Command{"top", configuration, "to the top of the configuration (you are there)", top},

    // The shell.
    Command{"help [<command>...]", both_modes, "commands, or those that begin with these words", help},
    Command{"exit", both_modes, "leave configuration mode, or the shell", exit_mode},
    Command{"exit discard", configuration, "leave configuration mode without the changes", exit_discard},
    Command{"quit", both_modes, "as exit", exit_mode},
};

// clang-format on

struct Help {
    bool is_first = false;
    std::string_view word;
    std::string_view text;
};

constexpr std::array helps{
    Help{true, "show", "what is live, or the candidate"},
    Help{true, "explain", "what would happen to a packet, and why"},
    Help{true, "block", "drop all packets from a prefix, at once"},
    Help{true, "monitor", "what happens, as it happens"},
    Help{true, "clear", "empty a dynamic set, end flows"},
    Help{true, "insert", "move a rule"},
    Help{true, "rollback", "back to an older revision"},
    Help{true, "commit", "make a configuration live"},
    Help{true, "check", "errors and warnings of a configuration"},
    Help{true, "exit", "leave configuration mode, or the shell"},
    Help{false, "packet", "in ZONE PROTO SRC[:PORT] DST[:PORT] [out ZONE] ..."},
    Help{false, "--rules", "with a rule file instead of the live configuration"},
    Help{false, "detail", "with its place in the file and counters"},
    Help{false, "by", "bytes (if not said) or packets; of names flows (if not said) or bytes"},
    Help{false, "total", "since each flow began, not just now"},
    Help{false, "limit", "how many rows"},
    Help{false, "match", "is this address in the set?"},
    Help{false, "revision", "of an older one"},
    Help{false, "for", "how long; without it the set's ttl, or for good"},
    Help{false, "in", "a dynamic set of the configuration instead of @blocks"},
    Help{false, "comment", "why, for `show commits` and the log"},
    Help{false, "force", "even if it is your own session"},
    Help{false, "now", "at once, without a candidate"},
    Help{false, "before", "in front of another rule"},
    Help{false, "after", "behind another rule"},
};

} // namespace

std::span<const Command> command_table() {
    return table;
}

const Grammar& grammar() {
    static const Grammar compiled(table);
    return compiled;
}

std::string_view group_help(bool is_first, std::string_view word) {
    for (const Help& each : helps) {
        if (each.is_first == is_first && each.word == word) {
            return each.text;
        }
    }
    return "";
}

} // namespace pc::shell
