// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/config_rules.h"

#include <algorithm>

#include <fmt/format.h>

namespace pc::inspect {

namespace {

using Json = nlohmann::json;

Error no_such(std::string_view name, std::string_view word) {
    return Error{0, fmt::format("\"{}\" cannot be \"{}\"", name, word)};
}

Result<std::vector<std::string>> texts(const Json& object, const char* name) {
    std::vector<std::string> list;
    const Json& value = member(object, name);
    if (!value.is_null() && !value.is_array()) {
        return Error{0, fmt::format("\"{}\" is not a list", name)};
    }
    for (const Json& item : value) {
        list.push_back(TRY(text(item, name)));
    }
    return list;
}

// The place of the word among `words`; none if the member is not there.
Result<std::optional<size_t>> word(const Json& object, const char* name,
                                   std::initializer_list<std::string_view> words) {
    const Json& value = member(object, name);
    if (value.is_null()) {
        return std::optional<size_t>{};
    }
    const std::string found = TRY(text(value, name));
    const auto* at = std::find(words.begin(), words.end(), found);
    if (at == words.end()) {
        return no_such(name, found);
    }
    return std::optional(static_cast<size_t>(at - words.begin()));
}

Result<std::optional<bool>> passes(const Json& object, const char* name) {
    const auto at = TRY(word(object, name, {"drop", "pass"}));
    return at ? std::optional(*at == 1) : std::optional<bool>{};
}

// What stands behind "!", and whether there was one.
std::string strip_negation(std::string word, bool& negated) {
    negated = word.starts_with("!");
    return negated ? word.substr(1) : word;
}

Result<std::vector<WordItem>> words(const Json& object, const char* name) {
    std::vector<WordItem> items;
    for (std::string& each : TRY(texts(object, name))) {
        WordItem& item = items.emplace_back();
        item.text = strip_negation(std::move(each), item.negated);
    }
    return items;
}

Result<std::vector<NameItem>> hosts(const Json& object) {
    std::vector<NameItem> items;
    for (std::string& each : TRY(texts(object, "host"))) {
        NameItem& item = items.emplace_back();
        const std::string name = strip_negation(std::move(each), item.negated);
        (name.starts_with("@") ? item.set : item.name) = name.substr(name.starts_with("@") ? 1 : 0);
    }
    return items;
}

Result<std::vector<WeekItem>> times(const Json& object) {
    std::vector<WeekItem> items;
    for (const WordItem& each : TRY(words(object, "time"))) {
        const auto time = parse_week_time(each.text);
        if (!time) {
            return no_such("time", each.text);
        }
        items.push_back({each.negated, *time, {}});
    }
    return items;
}

Result<std::vector<ZoneItem>> zones(const Json& object) {
    std::vector<ZoneItem> items;
    for (WordItem& each : TRY(words(object, "zone"))) {
        items.push_back({each.negated, std::move(each.text), {}});
    }
    return items;
}

Result<std::vector<AddressRange>> clients(const Json& object, InspectRule& rule) {
    std::vector<AddressRange> ranges;
    const bool is_named = !member(object, "client").is_null();
    if (is_named) {
        rule.client.emplace_back(); // that there is one counts; what it holds is in the ranges
    }
    for (const std::string& each : TRY(texts(object, "client"))) {
        const auto range = parse_address_range(each);
        if (!range) {
            return no_such("client", each);
        }
        ranges.push_back(*range);
    }
    return ranges;
}

Result<void> read_rule(const Json& json, WrittenPolicy& policy) {
    if (!json.is_object()) {
        return Error{0, "a rule of an inspect is not an object"};
    }
    InspectRule rule;
    rule.name = member(json, "name").is_null() ? "" : TRY(text(member(json, "name"), "name"));
    rule.protocol = TRY(words(json, "protocol"));
    rule.host = TRY(hosts(json));
    rule.alpn = TRY(words(json, "alpn"));
    rule.ja4 = TRY(words(json, "ja4"));
    rule.method = TRY(words(json, "method"));
    rule.path = TRY(words(json, "path"));
    rule.zone = TRY(zones(json));
    rule.time = TRY(times(json));
    if (const Json& ech = member(json, "ech"); !ech.is_null()) {
        if (!ech.is_boolean()) {
            return Error{0, "\"ech\" of a rule is neither true nor false"};
        }
        rule.ech = ech.get<bool>();
    }
    const auto action = TRY(word(json, "action", {"allow", "deny", "log", "limit"}));
    if (!action) {
        return Error{0, "a rule of an inspect has no action"};
    }
    rule.action = static_cast<InspectRule::Action>(*action);
    rule.deny_with = static_cast<InspectRule::DenyWith>(
        TRY(word(json, "deny_with", {"reset", "page"})).value_or(0));
    rule.per = static_cast<InspectRule::Per>(
        TRY(word(json, "per", {"flow", "client", "rule"})).value_or(0));
    rule.rate = {TRY(number(json, "bits_per_second", rate_bits_max)), 1, Rate::Of::bytes};
    policy.clients.push_back(TRY(clients(json, rule)));
    policy.inspect.rules.push_back(std::move(rule));
    return {};
}

} // namespace

const Json& member(const Json& object, const char* name) {
    static const Json none;
    const auto it = object.find(name);
    return it == object.end() ? none : *it;
}

Result<std::string> text(const Json& value, std::string_view what) {
    if (!value.is_string()) {
        return Error{0, fmt::format("{} is not a string", what)};
    }
    return value.get<std::string>();
}

Result<uint64_t> number(const Json& object, const char* name, uint64_t max) {
    const Json& value = member(object, name);
    if (value.is_null()) {
        return uint64_t{0};
    }
    if (!value.is_number_unsigned() || value.get<uint64_t>() > max) {
        return Error{0, fmt::format("\"{}\" is not a number from 0 to {}", name, max)};
    }
    return value.get<uint64_t>();
}

Result<WrittenPolicy> read_policy(const Json& json) {
    WrittenPolicy policy;
    Inspect& inspect = policy.inspect;
    inspect.allow = TRY(texts(json, "allow"));
    inspect.deny = TRY(texts(json, "deny"));
    if (const auto action = TRY(word(json, "default", {"deny", "allow"}))) {
        inspect.default_allows = *action == 1;
    }
    inspect.ech =
        static_cast<Inspect::Ech>(TRY(word(json, "ech", {"allow", "log", "drop"})).value_or(0));
    inspect.overload_passes = TRY(passes(json, "on_overload")).value_or(false);
    inspect.timeout_passes = TRY(passes(json, "on_timeout"));
    inspect.malformed_passes = TRY(passes(json, "on_parse_error"));
    const Json& rules = member(json, "rules");
    if (!rules.is_null() && !rules.is_array()) {
        return Error{0, "\"rules\" of an inspect is not a list"};
    }
    for (const Json& rule : rules) {
        TRY(read_rule(rule, policy));
    }
    return policy;
}

} // namespace pc::inspect
