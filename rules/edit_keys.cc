// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/edit_keys.h"

#include <algorithm>
#include <array>

#include "rules/diagnostic.h"
#include "rules/net.h"
#include "rules/splice.h"
#include "rules/words.h"

namespace pc::edit {
namespace {

using enum ValueForm;
using Kind = ValueKind;

constexpr std::array rule_keys{
    TableKey{"priority", number, Kind::any, "0-2147483647, unique; the lowest is asked first"},
    TableKey{"disabled", boolean, Kind::boolean, "true: the rule is kept but not asked"},
    TableKey{"until", date, Kind::any, "the last day on which the rule holds, 2027-06-30"},
    TableKey{"note", text, Kind::any, "free text"},
    TableKey{"tags", texts, Kind::any, "words of your own"},
    TableKey{"in", texts, Kind::zone, "zone the packet enters by"},
    TableKey{"out", texts, Kind::zone, "zone the packet leaves by (the rule then runs at TC)"},
    TableKey{"src", texts, Kind::address, "source: address, prefix, range, @set"},
    TableKey{"dst", texts, Kind::address, "destination: address, prefix, range, @set"},
    TableKey{"proto", numbers, Kind::proto, "tcp, udp, icmp, ... or a number"},
    TableKey{"sport", numbers, Kind::port, "source port, range, @set"},
    TableKey{"dport", numbers, Kind::port, "destination port, range, @set"},
    TableKey{"icmp_type", numbers, Kind::icmp_type, "ICMP or ICMPv6 type"},
    TableKey{"icmp_code", numbers, Kind::any, "ICMP or ICMPv6 code"},
    TableKey{"tcp_flags", whole_texts, Kind::tcp_flags, "\"syn,!ack\""},
    TableKey{"frag", text, Kind::frag, "none, first, non-first, any"},
    TableKey{"len", numbers, Kind::any, "L3 length: 64-128, >=400"},
    TableKey{"dscp", numbers, Kind::any, "0-63"},
    TableKey{"ttl", numbers, Kind::any, "TTL or hop limit"},
    TableKey{"vlan", numbers, Kind::any, "outermost VLAN id, untagged"},
    TableKey{"src_mac", texts, Kind::any, "source MAC address"},
    TableKey{"state", texts, Kind::state, "new, established, related, invalid"},
    TableKey{"action", text, Kind::action, "accept, drop, reject, inspect, mark, count"},
    TableKey{"inspect", text, Kind::inspect, "which [inspect.*] looks at the flow"},
    TableKey{"mark", number, Kind::any, "0x1 or 0x1/0xff, for action mark"},
    TableKey{"limit", text, Kind::limit, "which [limit.*] its packets are charged to"},
    TableKey{"keep_flows", boolean, Kind::boolean, "true: a commit does not judge its flows anew"},
    TableKey{"log", text, Kind::log, "none, sampled, all"},
};

constexpr std::array set_keys{
    TableKey{"type", text, Kind::set_type, "prefix, port, proto, name"},
    TableKey{"items", numbers, Kind::address, "prefixes, ports, protocols or names"},
    TableKey{"file", texts, Kind::any, "files with one item a line"},
    TableKey{"exclude", numbers, Kind::address, "subtracted from the set"},
    TableKey{"dynamic", boolean, Kind::boolean, "true: filled live, by `block ... in SET`"},
    TableKey{"ttl", text, Kind::any, "dynamic: how long an entry lives that says no time, 1h"},
    TableKey{"max", number, Kind::any, "dynamic: entries at most, 1-1048576"},
    TableKey{"persist", boolean, Kind::boolean, "dynamic: false: a restart empties the set"},
};

constexpr std::array zone_keys{
    TableKey{"interfaces", texts, Kind::interface, "names, eth* globs"},
    TableKey{"vlan", numbers, Kind::any, "VLAN ids, untagged"},
    TableKey{"prefixes", texts, Kind::address, "networks of the zone; adds to @local"},
    TableKey{"mode", text, Kind::xdp_mode, "auto, native, generic"},
    TableKey{"frags", boolean, Kind::boolean, "XDP multi-buffer, for a large MTU"},
    TableKey{"established", boolean, Kind::boolean,
             "true: packets of known flows pass before the rules"},
    TableKey{"default", text, Kind::verdict, "accept or drop, instead of [defaults].action"},
};

constexpr std::array inspect_keys{
    TableKey{"port", number, Kind::any, "port of the transparent listener"},
    TableKey{"mark", number, Kind::any, "mark bits of the inspector's own packets"},
    TableKey{"on_down", text, Kind::on_down, "pass or drop, when the inspector is gone"},
    TableKey{"mode", text, Kind::inspect_mode,
             "auto; terminate connections, or peek at what they say first"},
    TableKey{"exclude", texts, Kind::address, "clients or servers that are never inspected"},
    TableKey{"allow", texts, Kind::any, "server names: a.example, *.example"},
    TableKey{"deny", texts, Kind::any, "server names: a.example, *.example"},
    TableKey{"default", text, Kind::allow_deny,
             "allow or deny, when neither list nor rule decides"},
    TableKey{"ech", text, Kind::ech, "of encrypted hellos: allow, log, drop"},
    TableKey{"on_overload", text, Kind::on_down, "pass or drop, above max_flows"},
    TableKey{"on_timeout", text, Kind::on_down, "pass or drop, when a hello stays incomplete"},
    TableKey{"on_parse_error", text, Kind::on_down, "pass or drop, when a hello is malformed"},
    TableKey{"max_flows", number, Kind::any, "flows at one time"},
};

constexpr std::array limit_keys{
    TableKey{"per", text, Kind::per, "what has a bucket of its own: rule, src, src/24,src6/56"},
    TableKey{"rate", text, Kind::any, "200pps, 20mbit, 5MB/s; of new flows 10/m"},
    TableKey{"burst", number, Kind::any, "packets or flows at once, or bytes: 64kB"},
    TableKey{"over", text, Kind::over, "drop, reject, mark, log"},
    TableKey{"mark", number, Kind::any, "0x1 or 0x1/0xff, for over mark"},
};

constexpr std::array flows_keys{
    TableKey{"max", number, Kind::any, "flows at one time, 1024-4194304"},
    TableKey{"loose", boolean, Kind::boolean, "true: take up TCP flows in their middle"},
    TableKey{"per_source", number, Kind::any, "flows of one source; 0: any number"},
    TableKey{"new", number, Kind::any, "new flows, 100000/s; 0: any number"},
    TableKey{"tcp_syn_sent", text, Kind::any, "time until it is over, 30s"},
    TableKey{"tcp_syn_received", text, Kind::any, "time until it is over, 30s"},
    TableKey{"tcp_established", text, Kind::any, "time until it is over, 5d"},
    TableKey{"tcp_closing", text, Kind::any, "time until it is over, 2m"},
    TableKey{"tcp_time_wait", text, Kind::any, "time until it is over, 60s"},
    TableKey{"tcp_closed", text, Kind::any, "time until it is over, 10s"},
    TableKey{"udp_new", text, Kind::any, "time until it is over, 30s"},
    TableKey{"udp_replied", text, Kind::any, "time until it is over, 3m"},
    TableKey{"icmp_new", text, Kind::any, "time until it is over, 15s"},
    TableKey{"icmp_replied", text, Kind::any, "time until it is over, 30s"},
    TableKey{"other_new", text, Kind::any, "time until it is over, 60s"},
    TableKey{"other_replied", text, Kind::any, "time until it is over, 10m"},
    TableKey{"log", text, Kind::log, "flows that end: none, sampled, all"},
};

constexpr std::array guard_keys{
    TableKey{"syn_protect", text, Kind::syn_protect, "SYN cookies: off, auto, on"},
    TableKey{"syn_trigger", number, Kind::any, "half-open flows from which auto sends them"},
    TableKey{"sources", text, Kind::guard_mode, "the heaviest sources: off, log, block"},
    TableKey{"sources_above", text, Kind::any, "from which rate on, 100000pps"},
    TableKey{"block_for", text, Kind::any, "how long, 10m"},
    TableKey{"prefix", text, Kind::any, "what counts as one source: src/32,src6/64"},
    TableKey{"except", texts, Kind::address, "sources that are never blocked"},
};

constexpr std::array host_keys{
    TableKey{"name", text, Kind::any, "this router's name"},
    TableKey{"management", texts, Kind::address, "never lock these out"},
    TableKey{"local", texts, Kind::address, "what @local holds; default: connected networks"},
};

constexpr std::array defaults_keys{
    TableKey{"action", text, Kind::verdict, "accept or drop, when no rule decides"},
    TableKey{"log", text, Kind::log, "none, sampled, all"},
    TableKey{"sample", text, Kind::any, "ceiling of sampled records, 100/s"},
    TableKey{"family", text, Kind::family, "both, ipv4, ipv6"},
    TableKey{"fragments", text, Kind::fragments, "accept, accept-first, drop"},
    TableKey{"unparseable", text, Kind::verdict, "accept or drop"},
    TableKey{"non_ip", text, Kind::verdict, "accept or drop"},
};

constexpr std::array safety_keys{
    TableKey{"confirm", text, Kind::any, "time to confirm a commit, 2m"},
    TableKey{"on_boot_error", text, Kind::on_boot_error, "last-good, open, closed"},
    TableKey{"refuse_lockout", boolean, Kind::boolean, "refuse a commit that cuts you off"},
    TableKey{"lookup_budget", number, Kind::any, "buckets that a packet's look-up may take"},
    TableKey{"protect", whole_texts, Kind::any, "\"SRC -> DST:PROTO/PORT\""},
    TableKey{"probes", whole_texts, Kind::any, "what must answer after a commit"},
};

constexpr std::array<std::string_view, 10> table_words{
    "rule", "set", "zone", "inspect", "limit", "host", "defaults", "safety", "flows", "guard"};

bool is_date(std::string_view text) {
    static constexpr std::string_view form = "dddd-dd-dd";
    if (text.size() != form.size()) {
        return false;
    }
    for (size_t i = 0; i < form.size(); ++i) {
        const bool digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == 'd' ? !digit : text[i] != form[i]) {
            return false;
        }
    }
    return true;
}

// What a word of that form cannot be, in words; empty when it fits as far as the form says.
std::string_view misfit(ValueForm form, std::string_view word) {
    if (form == ValueForm::boolean && word != "true" && word != "false") {
        return "'true' or 'false' is expected here";
    }
    if (form == ValueForm::date && !is_date(word)) {
        return "a date is expected here, as 2027-06-30";
    }
    return word.empty() ? "a value may not be empty" : "";
}

std::string toml_of(ValueForm form, const std::string& word) {
    const bool bare =
        form == ValueForm::boolean || form == ValueForm::date ||
        ((form == ValueForm::number || form == ValueForm::numbers) && is_toml_integer(word));
    return bare ? word : quote_toml(word);
}

std::optional<Refusal> add_item(Assignment& assignment, const std::string& word, const WordAt& at) {
    const ValueForm form = assignment.key->form;
    if (const std::string_view why = misfit(form, word); !why.empty()) {
        return Refusal{at.word, at.offset, at.length, std::string(why), ""};
    }
    assignment.items.push_back({word, toml_of(form, word), at});
    return std::nullopt;
}

// The parts of a word between commas.
std::optional<Refusal> add_items(Assignment& assignment, std::string_view word, WordAt at) {
    const bool splits = assignment.key->form != ValueForm::whole_texts;
    while (true) {
        const size_t comma = splits ? word.find(',') : std::string_view::npos;
        at.length = std::min(comma, word.size());
        if (std::optional<Refusal> refusal =
                add_item(assignment, std::string(word.substr(0, at.length)), at)) {
            return refusal;
        }
        if (comma == std::string_view::npos) {
            return std::nullopt;
        }
        word.remove_prefix(comma + 1);
        at.offset += comma + 1;
    }
}

} // namespace

std::optional<Table> table_named(std::string_view word) {
    for (size_t i = 0; i < table_words.size(); ++i) {
        if (table_words[i] == word) {
            return static_cast<Table>(i);
        }
    }
    return std::nullopt;
}

std::string_view to_string(Table table) {
    return table_words[static_cast<size_t>(table)];
}

bool has_name(Table table) {
    return table <= Table::limit;
}

std::span<const TableKey> keys_of(Table table) {
    switch (table) {
    case Table::rule:
        return rule_keys;
    case Table::set:
        return set_keys;
    case Table::zone:
        return zone_keys;
    case Table::inspect:
        return inspect_keys;
    case Table::limit:
        return limit_keys;
    case Table::host:
        return host_keys;
    case Table::defaults:
        return defaults_keys;
    case Table::safety:
        return safety_keys;
    case Table::flows:
        return flows_keys;
    case Table::guard:
        return guard_keys;
    }
    return {};
}

const TableKey* key_named(Table table, std::string_view name) {
    for (const TableKey& key : keys_of(table)) {
        if (key.name == name) {
            return &key;
        }
    }
    return nullptr;
}

std::vector<std::string> key_names(Table table) {
    std::vector<std::string> names;
    for (const TableKey& key : keys_of(table)) {
        names.emplace_back(key.name);
    }
    return names;
}

bool is_list(ValueForm form) {
    return form == ValueForm::texts || form == ValueForm::whole_texts || form == ValueForm::numbers;
}

std::optional<Refusal> read_assignments(Table table, std::span<const std::string> words,
                                        size_t from, std::vector<Assignment>& out) {
    for (size_t at = from; at < words.size();) {
        const std::string& word = words[at];
        Assignment assignment;
        assignment.word = at;
        assignment.key = key_named(table, word);
        if (assignment.key == nullptr) {
            return Refusal{at, 0, 0, unknown("key", word, key_names(table)),
                           "keys here: " + join(key_names(table), " ")};
        }
        for (const Assignment& other : out) {
            if (other.key == assignment.key) {
                return Refusal{at, 0, 0, "'" + word + "' stands twice", "a list is [ a b ] or a,b"};
            }
        }
        ++at;
        if (std::optional<Refusal> refusal = read_value(words, at, assignment)) {
            return refusal;
        }
        out.push_back(std::move(assignment));
    }
    return std::nullopt;
}

std::optional<Refusal> read_value(std::span<const std::string> words, size_t& at,
                                  Assignment& assignment) {
    const std::string expected(assignment.key->help);
    if (at >= words.size()) {
        return Refusal{at, 0, 0, "'" + std::string(assignment.key->name) + "' needs a value",
                       expected};
    }
    if (!is_list(assignment.key->form)) {
        const size_t word = at++;
        return add_item(assignment, words[word], {word, 0, words[word].size()});
    }
    assignment.is_bracketed = words[at].starts_with('[');
    if (!assignment.is_bracketed) {
        const size_t word = at++;
        return add_items(assignment, words[word], {word, 0, 0});
    }
    for (bool first = true; at < words.size(); first = false) {
        const size_t word = at++;
        std::string_view text = words[word];
        const size_t skipped = first ? 1 : 0;
        text.remove_prefix(skipped);
        const bool last = text.ends_with(']');
        text.remove_suffix(last ? 1 : 0);
        if (!text.empty()) {
            if (std::optional<Refusal> refusal = add_items(assignment, text, {word, skipped, 0})) {
                return refusal;
            }
        }
        if (last) {
            return assignment.items.empty()
                       ? std::optional(Refusal{word, 0, 0, "the list is empty", expected})
                       : std::nullopt;
        }
    }
    return Refusal{words.size(), 0, 0, "the list is not closed: ']' is missing", ""};
}

std::string unknown(std::string_view what, std::string_view word,
                    const std::vector<std::string>& candidates) {
    std::string message = "unknown " + std::string(what) + " '" + std::string(word) + "'";
    const std::vector<std::string> meant = did_you_mean(word, candidates);
    for (size_t i = 0; i < meant.size(); ++i) {
        const std::string_view before = i == 0                  ? "; did you mean "
                                        : i + 1 == meant.size() ? " or "
                                                                : ", ";
        message += std::string(before) + "'" + meant[i] + "'";
    }
    return meant.empty() ? message : message + "?";
}

std::vector<std::string> words_of(ValueKind kind) {
    switch (kind) {
    case ValueKind::boolean:
        return {"true", "false"};
    case ValueKind::action:
        return {"accept", "drop", "reject", "inspect", "mark", "count"};
    case ValueKind::verdict:
        return {"accept", "drop"};
    case ValueKind::log:
        return {"none", "sampled", "all"};
    case ValueKind::frag:
        return {"none", "first", "non-first", "any"};
    case ValueKind::set_type:
        return {"prefix", "port", "proto", "name"};
    case ValueKind::xdp_mode:
        return {"auto", "native", "generic"};
    case ValueKind::on_down:
        return {"pass", "drop"};
    case ValueKind::inspect_mode:
        return {"auto", "terminate", "peek"};
    case ValueKind::allow_deny:
        return {"allow", "deny"};
    case ValueKind::ech:
        return {"allow", "log", "drop"};
    case ValueKind::fragments:
        return {"accept", "accept-first", "drop"};
    case ValueKind::family:
        return {"both", "ipv4", "ipv6"};
    case ValueKind::on_boot_error:
        return {"last-good", "open", "closed"};
    case ValueKind::state:
        return state_names();
    case ValueKind::per:
        return {"rule", "src", "dst", "src+dst", "zone"};
    case ValueKind::over:
        return {"drop", "reject", "mark", "log"};
    case ValueKind::syn_protect:
        return {"off", "auto", "on"};
    case ValueKind::guard_mode:
        return {"off", "log", "block"};
    case ValueKind::tcp_flags:
        return tcp_flag_names();
    case ValueKind::icmp_type: {
        std::vector<std::string> names = icmp_type_names(Family::v4);
        for (std::string& name : icmp_type_names(Family::v6)) {
            names.push_back(std::move(name));
        }
        return names;
    }
    case ValueKind::proto: {
        std::vector<std::string> names;
        for (const std::string_view name : protocol_names()) {
            names.emplace_back(name);
        }
        return names;
    }
    case ValueKind::any:
    case ValueKind::zone:
    case ValueKind::address:
    case ValueKind::port:
    case ValueKind::inspect:
    case ValueKind::limit:
    case ValueKind::interface:
        return {};
    }
    return {};
}

} // namespace pc::edit
