// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/explain.h"

#include <algorithm>

#include "rules/membership.h"
#include "rules/words.h"

namespace pc {

namespace {

constexpr size_t why_width_max = 60;
constexpr size_t not_reached_max = 8;

// "what name text result": the columns of one numbered line.
struct Line {
    std::string what, name, text, result;
};

std::string padded(std::string text, size_t width) {
    text.resize(std::max(text.size(), width), ' ');
    return text;
}

std::string hex(uint32_t value) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (; value != 0 || text.empty(); value /= 16) {
        text.insert(text.begin(), digits[value % 16]);
    }
    return "0x" + text;
}

const Rule* rule_named(const RuleSet& rules, const std::string& name) {
    const auto found = std::find_if(rules.rules.begin(), rules.rules.end(),
                                    [&](const Rule& rule) { return rule.name == name; });
    return found == rules.rules.end() ? nullptr : &*found;
}

bool is_asked(const Rule& rule, const Environment& environment, const Packet& packet) {
    return is_active(rule, environment) && (packet.in || hook_of(rule) == Hook::tc);
}

std::string zones_of(const Packet& packet) {
    std::string text = !packet.in           ? "the router itself"
                       : packet.in->empty() ? "no zone"
                                            : *packet.in;
    return packet.out ? text + " -> " + *packet.out : text;
}

std::string result_of(const Step& step, const Rule* rule) {
    if (!step.matched) {
        return "no";
    }
    std::string text = "MATCH";
    if (rule != nullptr && hook_of(*rule) == Hook::tc) {
        text += " (tc)";
    }
    if (rule != nullptr && !rule->limit.empty()) {
        text += " (within limit " + rule->limit + ")";
    }
    if (rule != nullptr && !ends_walk(rule->action)) {
        text += rule->action == Action::count ? ", count, goes on" : ", mark, goes on";
    }
    return text;
}

// Accepted before the rules, as a packet of a known flow.
bool is_known(const Meaning& meaning) {
    return meaning.reason == to_string(PC_STATE_ESTABLISHED) ||
           meaning.reason == to_string(PC_STATE_RELATED);
}

std::vector<Line> lines_of(const RuleSet& rules, const Packet& packet, const Meaning& meaning) {
    std::vector<Line> lines{{"parse", "", describe(packet), "ok"},
                            {"zone", "", zones_of(packet), packet.in ? "hook xdp" : "hook tc"}};
    if (meaning.reason == "block") {
        lines.push_back({"blocks", "", "src in @blocks", "MATCH"});
    }
    if (is_known(meaning)) {
        lines.push_back(
            {"flows", "", "state " + meaning.reason + " in zone " + *packet.in, "MATCH"});
    }
    auto next = rules.rules.begin(); // the steps are in the order of the rules
    for (const Step& step : meaning.steps) {
        const auto at = std::find_if(next, rules.rules.end(),
                                     [&](const Rule& rule) { return rule.name == step.rule; });
        const Rule* rule = at == rules.rules.end() ? nullptr : &*at;
        next = rule == nullptr ? next : at + 1;
        const std::string priority = rule == nullptr ? "" : " " + std::to_string(rule->priority);
        lines.push_back({"rule" + priority, step.rule, step.why, result_of(step, rule)});
    }
    return lines;
}

std::string table(const std::vector<Line>& lines) {
    size_t what = 0;
    size_t name = 0;
    size_t text = 0;
    for (const Line& line : lines) {
        what = std::max(what, line.what.size());
        name = std::max(name, line.name.size());
        text = std::max(text, std::min(line.text.size(), why_width_max));
    }
    const size_t digits = std::to_string(lines.size()).size() + 1;
    std::string result;
    for (size_t i = 0; i < lines.size(); ++i) {
        const Line& line = lines[i];
        const std::string number = std::to_string(i + 1);
        result += std::string(digits - number.size(), ' ') + number + " " + padded(line.what, what);
        // What is not about a rule has no name and takes that column too.
        const size_t both = name == 0 ? text : name + 2 + text;
        const std::string named = padded(line.name, name) + "  " + padded(line.text, text);
        result += "  " + (line.name.empty() ? padded(line.text, both) : named);
        result += "  " + line.result + "\n";
    }
    return result;
}

// ---- the verdict

std::string upper(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return result;
}

std::string default_words(const Meaning& meaning, const RuleSet& rules, const Packet& packet) {
    if (meaning.reason == "block") {
        return "the source is blocked; `unblock` lets it pass";
    }
    if (is_known(meaning)) {
        return "[zone." + *packet.in + "] established, before all rules";
    }
    if (meaning.reason == "fragment") {
        return "[defaults] fragments: a rule that accepts such a fragment would come first";
    }
    if (meaning.reason == "essential-icmp") {
        return "IPv6 and path MTU discovery need it (RFC 4890)";
    }
    if (!packet.in) {
        return "no rule with `out` or inspect matches the router's own packet";
    }
    for (const Zone& zone : rules.zones) {
        if (zone.name == packet.in && zone.default_action) {
            return "[zone." + zone.name + "] default";
        }
    }
    return "[defaults] action";
}

std::string place_of(const Rule& rule, const RuleSet& rules) {
    return rule.at.line == 0 ? "" : " (" + place(rule.at, rules.files) + ")";
}

std::string not_reached(const RuleSet& rules, const Environment& environment, const Packet& packet,
                        const Rule& decided) {
    std::vector<std::string> words;
    for (const Rule& rule : rules.rules) {
        if (rule.priority > decided.priority && is_asked(rule, environment, packet)) {
            words.push_back(std::to_string(rule.priority));
        }
    }
    const std::string text = join(words, ", ", not_reached_max);
    return "Not reached: " + (text.empty() ? "default" : text + ", default") + ".";
}

// The command that takes the source out of the set of the rule file that held it, if one did.
std::string way_out_of_set(const RuleSet& rules, const Environment& environment,
                           const Packet& packet, const Rule& rule) {
    for (const AddressItem& item : rule.match.src) {
        const auto set = std::find_if(rules.sets.begin(), rules.sets.end(),
                                      [&](const Set& each) { return each.name == item.set; });
        const auto found = item.negated || set == rules.sets.end()
                               ? std::nullopt
                               : find_in_item(rules, environment, item, packet.src);
        if (found && set->dynamic) {
            return "`unblock " + found->element + " in " + item.set + "`";
        }
        if (found) {
            return "`set set " + item.set + " exclude " + to_string(packet.src) + "`";
        }
    }
    return {};
}

std::string way_out(const RuleSet& rules, const Environment& environment, const Packet& packet,
                    const Rule& rule) {
    std::vector<std::string> ways;
    if (std::string way = way_out_of_set(rules, environment, packet, rule); !way.empty()) {
        ways.push_back(std::move(way));
    }
    if (rule.priority > 0) {
        ways.push_back("a rule with priority < " + std::to_string(rule.priority));
    }
    return ways.empty() ? "" : "    To let it pass: " + join(ways, " or ") + ".\n";
}

// What becomes of a connection, and why.
std::string mode_words(const Inspect& inspect) {
    if (peeks(inspect)) {
        return "; it looks at what the client says first and lets the connection go";
    }
    const auto why = needs_end(inspect);
    return "; it ends the connection and makes its own to the server" +
           (inspect.mode == Inspect::Mode::automatic && why ? " (" + *why + ")" : "");
}

std::string inspect_words(const RuleSet& rules, const Packet& packet, const Rule& rule) {
    std::string text = "    Inspector " + rule.inspect;
    for (const Inspect& inspect : rules.inspects) {
        if (inspect.name == rule.inspect) {
            text += inspect.port ? ", port " + std::to_string(*inspect.port) : "";
            text += packet.proto == proto_tcp ? mode_words(inspect) : "";
            text += std::string("; if it is down: ") + (inspect.down_drops ? "drop" : "pass");
        }
    }
    text += ".\n";
    if (packet.frag != PC_FRAG_NONE && packet.proto == proto_tcp) {
        text += "    A TCP fragment cannot be diverted: it is dropped (inspect-fragment).\n";
    } else if (packet.frag == PC_FRAG_LATER) {
        text +=
            "    A later fragment follows the first one; alone it is dropped (inspect-fragment).\n";
    }
    return text;
}

std::string verdict_by_rule(const RuleSet& rules, const Environment& environment,
                            const Packet& packet, const Meaning& meaning, const Rule& rule) {
    std::string text = " => " + verdict_words(meaning) + place_of(rule, rules) + ".  " +
                       not_reached(rules, environment, packet, rule) + "\n";
    if (rule.action == Action::inspect) {
        text += inspect_words(rules, packet, rule);
    }
    if (rule.action == Action::drop || rule.action == Action::reject) {
        text += way_out(rules, environment, packet, rule);
    }
    return text;
}

// ---- JSON

std::string json(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string quoted = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            quoted += '\\';
            quoted += c;
        } else if (byte < 0x20) {
            quoted += "\\u00";
            quoted += digits[byte / 16];
            quoted += digits[byte % 16];
        } else {
            quoted += c;
        }
    }
    return quoted + "\"";
}

} // namespace

std::string explain_text(const RuleSet& rules, const Environment& environment, const Packet& packet,
                         const Meaning& meaning) {
    std::string text = table(lines_of(rules, packet, meaning));
    const Rule* rule = meaning.rule ? rule_named(rules, *meaning.rule) : nullptr;
    if (rule != nullptr) {
        text += verdict_by_rule(rules, environment, packet, meaning, *rule);
    } else {
        text +=
            " => " + verdict_words(meaning) + ": " + default_words(meaning, rules, packet) + ".\n";
    }
    if (meaning.mark) {
        text += "    Mark: " + hex(meaning.mark->value) + "/" + hex(meaning.mark->mask) + ".\n";
    }
    return text;
}

std::string explain_json(const Meaning& meaning) {
    std::string text = "{\"verdict\":" + json(to_string(meaning.verdict)) +
                       ",\"rule\":" + (meaning.rule ? json(*meaning.rule) : "null") +
                       ",\"hook\":" + json(to_string(meaning.hook));
    if (!meaning.rule) {
        text += ",\"reason\":" + json(meaning.reason);
    }
    if (meaning.mark) {
        text += ",\"mark\":" + json(hex(meaning.mark->value) + "/" + hex(meaning.mark->mask));
    }
    text += ",\"steps\":[";
    for (size_t i = 0; i < meaning.steps.size(); ++i) {
        const Step& step = meaning.steps[i];
        text += i == 0 ? "" : ",";
        text += "{\"rule\":" + json(step.rule);
        text += step.matched ? ",\"matched\":true" : ",\"matched\":false";
        text += ",\"why\":" + json(step.why) + "}";
    }
    return text + "]}";
}

std::string verdict_words(const Meaning& meaning) {
    const std::string by = meaning.rule                ? *meaning.rule
                           : meaning.reason == "block" ? "@blocks"
                           : is_known(meaning)         ? "flow"
                                                       : "default";
    return upper(to_string(meaning.verdict)) + " by " + by;
}

} // namespace pc
