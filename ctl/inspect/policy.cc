// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/policy.h"

#include <algorithm>

#include <fmt/format.h>

namespace pc::inspect {

namespace {

constexpr unsigned every_protocol = 0x1f;

unsigned bit(FlowProtocol protocol) {
    return 1U << static_cast<unsigned>(protocol);
}

// ---- compiling

Result<HostMatch> compile_hosts(const std::vector<NameItem>& items, const FindSet& find_set) {
    HostMatch match;
    match.is_named = !items.empty();
    std::vector<std::string> names;
    std::vector<std::string> not_names;
    for (const NameItem& item : items) {
        match.any_positive |= !item.negated;
        if (item.set.empty()) {
            (item.negated ? not_names : names).push_back(item.name);
            continue;
        }
        std::shared_ptr<const NameSet> set = find_set(item.set);
        if (!set) {
            return Error{0, fmt::format("there is no set of names @{}", item.set)};
        }
        (item.negated ? match.not_sets : match.sets).push_back(std::move(set));
    }
    match.names = TRY(NameSet::from_patterns(names));
    match.not_names = TRY(NameSet::from_patterns(not_names));
    return match;
}

WordMatch compile_words(const std::vector<WordItem>& items) {
    WordMatch match;
    for (const WordItem& item : items) {
        (item.negated ? match.not_words : match.words).push_back(item.text);
    }
    return match;
}

WordMatch compile_zones(const std::vector<ZoneItem>& items) {
    WordMatch match;
    for (const ZoneItem& item : items) {
        (item.negated ? match.not_words : match.words).push_back(item.zone);
    }
    return match;
}

Result<unsigned> compile_protocols(const std::vector<WordItem>& items) {
    unsigned positive = 0;
    unsigned negative = 0;
    for (const WordItem& item : items) {
        const auto protocol = parse_flow_protocol(item.text);
        if (!protocol) {
            return Error{0, fmt::format("\"{}\" is no protocol", item.text)};
        }
        (item.negated ? negative : positive) |= bit(*protocol);
    }
    return (positive == 0 ? every_protocol : positive) & ~negative;
}

Result<CompiledRule> compile_rule(const InspectRule& rule, size_t index,
                                  const std::vector<AddressRange>& clients,
                                  const FindSet& find_set) {
    CompiledRule compiled;
    compiled.name = name_of(rule, index);
    compiled.protocols = TRY(compile_protocols(rule.protocol));
    compiled.host = TRY(compile_hosts(rule.host, find_set));
    compiled.alpn = compile_words(rule.alpn);
    compiled.method = compile_words(rule.method);
    compiled.path = compile_words(rule.path);
    compiled.ja4 = compile_words(rule.ja4);
    compiled.zone = compile_zones(rule.zone);
    compiled.ech = rule.ech;
    compiled.asks_client = !rule.client.empty();
    compiled.clients = clients;
    std::sort(compiled.clients.begin(), compiled.clients.end());
    compiled.time = rule.time;
    compiled.action = rule.action;
    compiled.deny_with = rule.deny_with;
    compiled.per = rule.per;
    compiled.bits_per_second = rule.action == InspectRule::Action::limit ? rule.rate.count : 0;
    return compiled;
}

// ---- matching

bool holds_name(const HostMatch& match, const Subject& subject) {
    if (!match.is_named) {
        return true;
    }
    if (subject.state != NameState::found) {
        return false;
    }
    const auto holds = [&](const std::shared_ptr<const NameSet>& set) {
        return !set->find(subject.name).empty();
    };
    const bool positive = !match.any_positive || !match.names.find(subject.name).empty() ||
                          std::any_of(match.sets.begin(), match.sets.end(), holds);
    return positive && match.not_names.find(subject.name).empty() &&
           std::none_of(match.not_sets.begin(), match.not_sets.end(), holds);
}

// `is_there`: the flow has what the key asks for. `fits`: a word of the rule fits it.
template <typename Fits>
bool holds_word(const WordMatch& match, bool is_there, Fits fits) {
    if (match.words.empty() && match.not_words.empty()) {
        return true;
    }
    return is_there &&
           (match.words.empty() || std::any_of(match.words.begin(), match.words.end(), fits)) &&
           std::none_of(match.not_words.begin(), match.not_words.end(), fits);
}

bool fits_path(std::string_view pattern, std::string_view path) {
    if (pattern.ends_with('*')) {
        return path.starts_with(pattern.substr(0, pattern.size() - 1));
    }
    return path == pattern;
}

bool holds_client(const CompiledRule& rule, const Address& client) {
    if (!rule.asks_client) {
        return true;
    }
    const auto after =
        std::partition_point(rule.clients.begin(), rule.clients.end(),
                             [&](const AddressRange& range) { return range.first <= client; });
    return after != rule.clients.begin() && contains(*std::prev(after), client);
}

bool holds_time(const std::vector<WeekItem>& items, uint16_t minute) {
    bool any_positive = false;
    bool positive = false;
    for (const WeekItem& item : items) {
        const bool now = holds(item.time, minute);
        if (item.negated && now) {
            return false;
        }
        any_positive |= !item.negated;
        positive |= !item.negated && now;
    }
    return positive || !any_positive;
}

bool matches(const CompiledRule& rule, const Subject& subject) {
    const bool has_hello =
        subject.protocol == FlowProtocol::tls || subject.protocol == FlowProtocol::quic;
    const auto is = [](std::string_view value) {
        return [value](const std::string& word) { return word == value; };
    };
    const auto offered = [&](const std::string& word) {
        return std::find(subject.alpn.begin(), subject.alpn.end(), word) != subject.alpn.end();
    };
    const auto fits = [&](const std::string& word) { return fits_path(word, subject.path); };
    return (rule.protocols & bit(subject.protocol)) != 0 &&
           (!rule.ech || (has_hello && *rule.ech == subject.ech)) &&
           holds_word(rule.alpn, has_hello, offered) &&
           holds_word(rule.ja4, !subject.ja4.empty(), is(subject.ja4)) &&
           holds_word(rule.method, !subject.method.empty(), is(subject.method)) &&
           holds_word(rule.path, !subject.path.empty(), fits) &&
           holds_word(rule.zone, !subject.zone.empty(), is(subject.zone)) &&
           holds_time(rule.time, subject.minute_of_week) && holds_client(rule, subject.client) &&
           holds_name(rule.host, subject);
}

bool asks_path(const CompiledRule& rule) {
    return !rule.path.words.empty() || !rule.path.not_words.empty();
}

bool is_nothing(const Policy& policy) {
    return policy.allow.empty() && policy.deny.empty() && policy.rules.empty() &&
           !policy.default_allows && policy.ech == Inspect::Ech::allow;
}

// ---- the walk

Judgement broken(const Policy& policy, const Subject& subject, std::string_view fault) {
    Judgement judgement;
    const bool late = subject.state == NameState::late;
    judgement.allowed = late ? policy.late_passes : policy.malformed_passes;
    judgement.reason =
        is_nothing(policy) && judgement.allowed ? "no list" : fmt::format("malformed: {}", fault);
    return judgement;
}

// True: the walk ends with this rule.
bool act(const CompiledRule& rule, Judgement& judgement) {
    switch (rule.action) {
    case InspectRule::Action::log:
        judgement.logged.push_back(rule.name);
        return false;
    case InspectRule::Action::allow:
    case InspectRule::Action::limit:
        judgement.allowed = true;
        judgement.bits_per_second = rule.bits_per_second;
        judgement.per = rule.per;
        break;
    case InspectRule::Action::deny:
        judgement.allowed = false;
        judgement.deny_with = rule.deny_with;
        break;
    }
    judgement.rule = rule.name;
    judgement.reason = "rule " + rule.name;
    return true;
}

// What holds when no rule has ended the walk.
void judge_last(const Policy& policy, const Subject& subject, Judgement& judgement) {
    const bool has_name = subject.state == NameState::found;
    judgement.allowed = policy.default_allows.value_or(policy.allow.empty());
    const std::string_view pattern = has_name ? policy.allow.find(subject.name) : "";
    if (!pattern.empty()) {
        judgement.allowed = true;
        judgement.reason = fmt::format("allow {}", pattern);
    } else if (is_nothing(policy)) {
        judgement.reason = "no list";
    } else if (policy.default_allows) {
        judgement.reason = judgement.allowed ? "default allow" : "default deny";
    } else if (!has_name && policy.rules.empty()) {
        judgement.reason = "no name";
    } else if (!policy.allow.empty()) {
        judgement.reason = has_name ? "not in allow" : "no name";
    } else {
        judgement.reason = policy.rules.empty() && !policy.deny.empty() ? "not in deny" : "no rule";
    }
}

} // namespace

Result<Policy> make_policy(const Inspect& inspect,
                           std::span<const std::vector<AddressRange>> clients,
                           const FindSet& find_set) {
    Policy policy;
    policy.allow = TRY(NameSet::from_patterns(inspect.allow));
    policy.deny = TRY(NameSet::from_patterns(inspect.deny));
    for (size_t i = 0; i < inspect.rules.size(); ++i) {
        static const std::vector<AddressRange> none;
        const std::vector<AddressRange>& held = i < clients.size() ? clients[i] : none;
        policy.rules.push_back(TRY(compile_rule(inspect.rules[i], i, held, find_set)));
    }
    policy.default_allows = inspect.default_allows;
    policy.ech = inspect.ech;
    policy.overload_passes = inspect.overload_passes;
    policy.malformed_passes = inspect.malformed_passes.value_or(is_nothing(policy));
    policy.late_passes = inspect.timeout_passes.value_or(policy.malformed_passes);
    return policy;
}

Judgement judge(const Policy& policy, const Subject& subject) {
    if (subject.state == NameState::malformed || subject.state == NameState::late) {
        return broken(policy, subject, subject.fault);
    }
    Judgement judgement;
    const std::string_view denied =
        subject.state == NameState::found ? policy.deny.find(subject.name) : std::string_view{};
    if (!denied.empty()) {
        judgement.allowed = false;
        judgement.reason = fmt::format("deny {}", denied);
        return judgement;
    }
    if (subject.ech && policy.ech == Inspect::Ech::drop) {
        judgement.allowed = false;
        judgement.reason = "ech";
        return judgement;
    }
    if (subject.ech && policy.ech == Inspect::Ech::log) {
        judgement.logged.emplace_back("ech");
    }
    for (const CompiledRule& rule : policy.rules) {
        if (!subject.path_fault.empty() && asks_path(rule)) {
            return broken(policy, subject, subject.path_fault);
        }
        if (matches(rule, subject) && act(rule, judgement)) {
            return judgement;
        }
    }
    judge_last(policy, subject, judgement);
    return judgement;
}

} // namespace pc::inspect
