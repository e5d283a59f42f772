// SPDX-License-Identifier: GPL-3.0-or-later
// No index, no cache, nothing compiled: each rule, each field, each item is asked in turn.
#include "rules/meaning.h"

#include <algorithm>
#include <functional>

#include "rules/membership.h"
#include "rules/words.h"

namespace pc {

namespace {

constexpr size_t words_shown_max = 4;

// Whether a condition holds, and why, in the words of the rule file.
struct Answer {
    bool holds = true;
    std::string why;
};

struct Question {
    const RuleSet& rules;
    const Environment& environment;
    const Packet& packet;
};

// ---- lists

// "is not 179", "not in 80, 443": of the positive items, else of all (a list of negated items holds
// because the value is none of them).
template <typename Item>
std::string not_in(const std::vector<Item>& items,
                   const std::function<std::string(const Item&)>& word) {
    std::vector<std::string> positive;
    std::vector<std::string> negated;
    for (const Item& item : items) {
        Item plain = item;
        plain.negated = false;
        (item.negated ? negated : positive).push_back(word(plain));
    }
    const std::vector<std::string>& words = positive.empty() ? negated : positive;
    const bool one_value = words.size() == 1 && words[0].find_first_of("/@>") == std::string::npos;
    return (one_value ? "is not " : "not in ") + join(words, ", ", words_shown_max);
}

// How one kind of item is asked and spoken of.
template <typename Item>
struct Asking {
    std::string subject;                                          // "dport 22", "src"
    std::function<std::optional<std::string>(const Item&)> holds; // "dport 22 in 1-1023", or none
    std::function<std::string(const Item&)> word;                 // "!1-1023"
};

// A value matches a list if a positive item holds it (or the list has no positive item) and no
// negated item holds it.
template <typename Item>
Answer ask_list(const std::vector<Item>& items, const Asking<Item>& asking) {
    bool has_positive = false;
    std::optional<std::string> held;
    for (const Item& item : items) {
        const std::optional<std::string> how = asking.holds(item);
        if (item.negated && how) {
            return {false, *how + " is ruled out by " + asking.word(item)};
        }
        if (!item.negated) {
            has_positive = true;
            held = held ? held : how;
        }
    }
    if (held) {
        return {true, *held};
    }
    return {!has_positive, asking.subject + " " + not_in<Item>(items, asking.word)};
}

// ---- one small predicate for each kind of condition

Answer ask_family(Family family, const Packet& packet) {
    return {family == packet.src.family,
            packet.src.family == Family::v4 ? "family ipv4" : "family ipv6"};
}

Answer ask_zones(const std::string& name, const std::vector<ZoneItem>& items,
                 const std::optional<std::string>& zone, const std::string& none) {
    if (!zone || zone->empty()) {
        return {false, none};
    }
    const std::string value = name + " " + *zone;
    return ask_list<ZoneItem>(items, {value,
                                      [&](const ZoneItem& item) {
                                          return item.zone == *zone ? std::optional(value)
                                                                    : std::nullopt;
                                      },
                                      [](const ZoneItem& item) { return word_of(item); }});
}

// "src in 10.0.0.0/8 (set drop)", "src is 10.0.0.1", "src in @any".
std::string found_words(const std::string& name, const Found& found) {
    if (found.element.empty()) {
        return name + " in " + found.sets;
    }
    const bool one_address = found.element.find_first_of("/- ") == std::string::npos;
    return name + (one_address ? " is " : " in ") + found.element +
           (found.sets.empty() ? "" : " (" + found.sets + ")");
}

Answer ask_addresses(const Question& question, const std::string& name,
                     const std::vector<AddressItem>& items, const Address& address) {
    const auto holds = [&](const AddressItem& item) -> std::optional<std::string> {
        const auto found = find_in_item(question.rules, question.environment, item, address);
        return found ? std::optional(found_words(name, *found)) : std::nullopt;
    };
    return ask_list<AddressItem>(
        items, {name, holds, [](const AddressItem& item) { return word_of(item); }});
}

Answer ask_numbers(const Question& question, const std::string& name, NumberKind kind,
                   const std::vector<NumberItem>& items, uint32_t number) {
    const SetType sets = kind == NumberKind::proto ? SetType::proto : SetType::port;
    const std::string value = name + " " + word_of(number, kind);
    const auto holds = [&](const NumberItem& item) -> std::optional<std::string> {
        if (!number_in_item(question.rules, item, sets, number)) {
            return std::nullopt;
        }
        NumberItem plain = item;
        plain.negated = false;
        const bool one_value = item.set.empty() && item.range.low == item.range.high;
        return one_value ? value : value + " in " + word_of(plain, kind);
    };
    return ask_list<NumberItem>(
        items, {value, holds, [kind](const NumberItem& item) { return word_of(item, kind); }});
}

std::string without(const std::string& what, const Packet& packet) {
    return "no " + what + ": " +
           (packet.frag == PC_FRAG_LATER ? "later fragment"
                                         : protocol_name(packet.proto) + " packet");
}

// A field that a packet may be without: then a rule that names it never matches, not even by
// negation.
template <typename Number>
Answer ask_if_any(const Question& question, const std::string& name,
                  const std::vector<NumberItem>& items, const std::optional<Number>& number,
                  const std::string& what) {
    return number ? ask_numbers(question, name, NumberKind::plain, items, *number)
                  : Answer{false, without(what, question.packet)};
}

Answer ask_tcp_flags(const std::vector<TcpFlagsItem>& items, const Packet& packet) {
    if (!packet.tcp_flags) {
        return {false, without("tcp flags", packet)};
    }
    const std::string value = "tcp_flags " + tcp_flags_words(*packet.tcp_flags);
    std::vector<std::string> words;
    for (const TcpFlagsItem& item : items) {
        if ((*packet.tcp_flags & item.mask) == item.value) {
            return {true, value};
        }
        words.push_back(word_of(item));
    }
    return {false, value + " is not " + join(words, " or ", words_shown_max)};
}

Answer ask_fragment(uint8_t frags, const Packet& packet) {
    const bool holds = (frags & static_cast<unsigned>(packet.frag)) != 0;
    const std::string value = "frag " + word_of(packet.frag);
    return {holds, holds ? value : value + " is not " + join(fragment_words(frags), " or ")};
}

Answer ask_mac(const std::vector<MacItem>& items, const Packet& packet) {
    if (!packet.src_mac) {
        return {false, "src_mac is not known"};
    }
    const std::string value = "src_mac " + to_string(*packet.src_mac);
    const auto holds = [&](const MacItem& item) {
        return item.mac == *packet.src_mac ? std::optional(value) : std::nullopt;
    };
    return ask_list<MacItem>(items,
                             {value, holds, [](const MacItem& item) { return word_of(item); }});
}

Answer ask_state(const std::vector<StateItem>& items, const Packet& packet) {
    const std::string value = "state " + std::string(to_string(packet.state));
    const auto holds = [&](const StateItem& item) {
        return item.state == packet.state ? std::optional(value) : std::nullopt;
    };
    return ask_list<StateItem>(items,
                               {value, holds, [](const StateItem& item) { return word_of(item); }});
}

// An [inspect.*] leaves out whom its `exclude` holds, client or server.
Answer ask_inspect(const Question& question, const std::string& name) {
    const Packet& packet = question.packet;
    if (packet.proto != proto_tcp && packet.proto != proto_udp) {
        return {false, "inspect concerns tcp and udp only"};
    }
    for (const Inspect& inspect : question.rules.inspects) {
        if (inspect.name != name) {
            continue;
        }
        for (const bool source : {true, false}) {
            const auto found = find_in_list(question.rules, question.environment, inspect.exclude,
                                            source ? packet.src : packet.dst);
            if (found) {
                return {false, found_words(source ? "src" : "dst", *found) +
                                   ": excluded by inspect " + name};
            }
        }
    }
    return {};
}

// ---- a rule

struct Conditions {
    bool hold = true;
    std::vector<std::string> reasons;
};

// Asks one condition more, if the rule names it and all so far hold.
void also(Conditions& conditions, bool named, const std::function<Answer()>& ask) {
    if (!named || !conditions.hold) {
        return;
    }
    Answer answer = ask();
    conditions.hold = answer.holds;
    if (!answer.holds) {
        conditions.reasons.clear();
    }
    if (!answer.why.empty()) {
        conditions.reasons.push_back(std::move(answer.why));
    }
}

// The first condition that does not hold, or all that do.
Answer ask_rule(const Question& q, const Rule& rule) {
    const Packet& packet = q.packet;
    const Match& m = rule.match;
    Conditions all;
    const auto numbers = [&](const std::string& name, NumberKind kind,
                             const std::vector<NumberItem>& items, uint32_t number) {
        also(all, !items.empty(), [&] { return ask_numbers(q, name, kind, items, number); });
    };
    const auto if_any = [&](const std::string& name, const std::vector<NumberItem>& items,
                            const auto& number, const std::string& what) {
        also(all, !items.empty(), [&] { return ask_if_any(q, name, items, number, what); });
    };
    const std::string no_in = packet.in ? "in is no zone" : "in is none: the router's own packet";

    also(all, rule.family.has_value(), [&] { return ask_family(*rule.family, packet); });
    also(all, !m.in.empty(), [&] { return ask_zones("in", m.in, packet.in, no_in); });
    numbers("proto", NumberKind::proto, m.proto, packet.proto);
    also(all, !m.states.empty(), [&] { return ask_state(m.states, packet); });
    also(all, m.frags != 0, [&] { return ask_fragment(m.frags, packet); });
    if_any("sport", m.sport, packet.sport, "ports");
    if_any("dport", m.dport, packet.dport, "ports");
    if_any("icmp_type", m.icmp_type, packet.icmp_type, "icmp type");
    if_any("icmp_code", m.icmp_code, packet.icmp_code, "icmp code");
    also(all, !m.tcp_flags.empty(), [&] { return ask_tcp_flags(m.tcp_flags, packet); });
    also(all, !m.src.empty(), [&] { return ask_addresses(q, "src", m.src, packet.src); });
    also(all, !m.dst.empty(), [&] { return ask_addresses(q, "dst", m.dst, packet.dst); });
    numbers("len", NumberKind::len, m.len, packet.len);
    numbers("dscp", NumberKind::plain, m.dscp, packet.dscp);
    numbers("ttl", NumberKind::plain, m.ttl, packet.ttl);
    numbers("vlan", NumberKind::vlan, m.vlan, packet.vlan);
    also(all, !m.src_mac.empty(), [&] { return ask_mac(m.src_mac, packet); });
    also(all, rule.action == Action::inspect, [&] { return ask_inspect(q, rule.inspect); });
    also(all, !m.out.empty(),
         [&] { return ask_zones("out", m.out, packet.out, "out is not known"); });
    return {all.hold, all.reasons.empty() ? "no conditions" : join(all.reasons, ", ")};
}

// ---- no rule decided

Action default_of(const RuleSet& rules, const Packet& packet) {
    for (const Zone& zone : rules.zones) {
        if (zone.name == packet.in && zone.default_action) {
            return *zone.default_action;
        }
    }
    return rules.defaults.action;
}

bool fragment_refused(pc_fragments fragments, pc_frag_bit frag) {
    return (frag == PC_FRAG_LATER && fragments != PC_FRAGMENTS_ACCEPT) ||
           (frag == PC_FRAG_FIRST && fragments == PC_FRAGMENTS_DROP);
}

void decide_without_rule(const RuleSet& rules, const Packet& packet, Meaning& meaning) {
    if (!packet.in) {
        meaning.hook = Hook::tc;
        meaning.reason = "policy-accept";
    } else if (fragment_refused(rules.defaults.fragments, packet.frag)) {
        meaning.verdict = Verdict::drop;
        meaning.reason = "fragment";
    } else if (default_of(rules, packet) != Action::drop) {
        meaning.reason = "policy-accept";
    } else if (is_essential(packet)) {
        meaning.reason = "essential-icmp";
    } else {
        meaning.verdict = Verdict::drop;
        meaning.reason = "policy";
    }
}

// Step 1b.
bool is_of_known_flow(const RuleSet& rules, const Packet& packet) {
    const bool known = packet.state == PC_STATE_ESTABLISHED || packet.state == PC_STATE_RELATED;
    return known && std::any_of(rules.zones.begin(), rules.zones.end(), [&](const Zone& zone) {
               return zone.name == packet.in && zone.established;
           });
}

Verdict verdict_by(Action action) {
    return action == Action::drop      ? Verdict::drop
           : action == Action::reject  ? Verdict::reject
           : action == Action::inspect ? Verdict::inspect
                                       : Verdict::accept;
}

} // namespace

Meaning verdict_of(const RuleSet& rules, const Environment& environment, const Packet& packet) {
    const Question question{rules, environment, packet};
    Meaning meaning;
    if (packet.in && find_in_set(rules, environment, std::string(blocks_set), packet.src)) {
        meaning.verdict = Verdict::drop;
        meaning.reason = "block";
        return meaning;
    }
    if (is_of_known_flow(rules, packet)) {
        meaning.reason = to_string(packet.state);
        return meaning;
    }
    for (const Rule& rule : rules.rules) {
        if (!is_active(rule, environment) || (!packet.in && hook_of(rule) == Hook::xdp)) {
            continue;
        }
        Answer answer = ask_rule(question, rule);
        meaning.steps.push_back({rule.name, answer.holds, std::move(answer.why)});
        if (!answer.holds) {
            continue;
        }
        if (ends_walk(rule.action)) {
            meaning.verdict = verdict_by(rule.action);
            meaning.rule = rule.name;
            meaning.hook = hook_of(rule);
            return meaning;
        }
        if (rule.action == Action::mark) {
            const Mark before = meaning.mark.value_or(Mark{0, 0});
            meaning.mark = Mark{(before.value & ~rule.mark.mask) | rule.mark.value,
                                before.mask | rule.mark.mask};
        }
    }
    decide_without_rule(rules, packet, meaning);
    return meaning;
}

bool is_essential(const Packet& packet) {
    if (packet.frag != PC_FRAG_NONE || !packet.icmp_type) {
        return false;
    }
    const unsigned type = *packet.icmp_type;
    const unsigned code = packet.icmp_code.value_or(0);
    if (packet.src.family == Family::v4) {
        return packet.proto == proto_icmp &&
               ((type == 3 && code == 4) || (type == 11 && code == 0));
    }
    const bool error = type == 1 || type == 2 || (type == 3 && code == 0) ||
                       (type == 4 && (code == 1 || code == 2));
    const bool multicast_listener = (type >= 130 && type <= 132) || type == 143;
    const bool neighbour = type >= 133 && type <= 136 && packet.ttl == 255;
    return packet.proto == proto_icmp6 && (error || multicast_listener || neighbour);
}

std::string_view to_string(Verdict verdict) {
    switch (verdict) {
    case Verdict::accept:
        return "accept";
    case Verdict::drop:
        return "drop";
    case Verdict::reject:
        return "reject";
    case Verdict::inspect:
        return "inspect";
    }
    return {};
}

std::string_view to_string(Hook hook) {
    return hook == Hook::xdp ? "xdp" : "tc";
}

} // namespace pc
