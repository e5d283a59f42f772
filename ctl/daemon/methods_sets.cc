// SPDX-License-Identifier: GPL-3.0-or-later
// show sets, show set NAME, block, unblock.
#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include <fmt/format.h>

#include "ctl/daemon/methods.h"
#include "ctl/daemon/parameters.h"
#include "rules/contents.h"
#include "rules/membership.h"

namespace pc::daemon::methods {
namespace {

constexpr uint64_t page_default = 1000;
constexpr uint64_t page_max = 10000;
constexpr int64_t ttl_max_s = int64_t{10} * 366 * 24 * 3600;

constexpr std::array<std::pair<const char*, const char*>, 6> built_in_sets{{
    {"self", "built in (this router's addresses)"},
    {"local", "built in (connected networks)"},
    {"management", "built in ([host] management)"},
    {"bogons", "built in (RFC 6890)"},
    {"blocks", "dynamic"},
    {"any", "built in"},
}};

std::string_view type_word(SetType type) {
    switch (type) {
    case SetType::prefix:
        return "prefix";
    case SetType::port:
        return "port";
    case SetType::proto:
        return "proto";
    }
    return "";
}

template <typename Item>
bool names_set(const std::vector<Item>& items, std::string_view name) {
    return std::any_of(items.begin(), items.end(),
                       [&](const Item& item) { return item.set == name; });
}

bool names_set(const Match& match, std::string_view name) {
    return names_set(match.src, name) || names_set(match.dst, name) ||
           names_set(match.proto, name) || names_set(match.sport, name) ||
           names_set(match.dport, name);
}

Json references(const RuleSet& rules, std::string_view name) {
    Json list = Json::array();
    for (const Rule& rule : rules.rules) {
        if (names_set(rule.match, name)) {
            list.push_back(rule.name);
        }
    }
    return list;
}

Json references_by_sets(const RuleSet& rules, std::string_view name) {
    Json list = Json::array();
    for (const Set& set : rules.sets) {
        if (names_set(set.addresses, name) || names_set(set.numbers, name) ||
            names_set(set.exclude, name) || names_set(set.exclude_numbers, name)) {
            list.push_back(set.name);
        }
    }
    return list;
}

size_t prefixes_in(const std::vector<AddressRange>& ranges) {
    size_t count = 0;
    for (const AddressRange& range : ranges) {
        count += prefixes_of(range).size();
    }
    return count;
}

std::string source_of(const Set& set) {
    std::string source = set.addresses.empty() && set.numbers.empty() ? "" : "config";
    for (const std::string& file : set.files) {
        source += (source.empty() ? "file " : ", file ") + file;
    }
    return source.empty() ? "config" : source;
}

Json set_object(const Context& context, Contents& contents, const std::string& name, SetType type,
                const std::string& source) {
    const RuleSet& rules = context.firewall.running().rules;
    const size_t entries = name == "blocks" ? context.firewall.blocks().list().size()
                           : type == SetType::prefix
                               ? prefixes_in(contents.address_set(name).ranges)
                               : contents.number_set(name).size();
    return {{"name", name},
            {"type", std::string(type_word(type))},
            {"entries", entries},
            {"source", source},
            {"references", references(rules, name)},
            {"referenced_by_sets", references_by_sets(rules, name)}};
}

// A page of what the set holds.
Json elements_of(Contents& contents, const std::string& name, SetType type, uint64_t offset,
                 uint64_t limit) {
    Json list = Json::array();
    uint64_t at = 0;
    const auto add = [&](const std::string& text) {
        if (at >= offset && list.size() < limit) {
            list.push_back(text);
        }
        ++at;
    };
    if (type == SetType::prefix) {
        for (const AddressRange& range : contents.address_set(name).ranges) {
            for (const Prefix& prefix : prefixes_of(range)) {
                add(to_string(prefix));
            }
        }
    } else {
        for (const NumberRange& range : contents.number_set(name)) {
            add(range.low == range.high ? std::to_string(range.low)
                                        : fmt::format("{}-{}", range.low, range.high));
        }
    }
    return list;
}

Json blocks_as_json(const Firewall& firewall, uint64_t offset, uint64_t limit) {
    Json list = Json::array();
    uint64_t at = 0;
    for (const auto& [prefix, block] : firewall.blocks().list()) {
        if (at++ < offset || list.size() >= limit) {
            continue;
        }
        const auto packets = firewall.blocks().packets(prefix);
        list.push_back({{"prefix", to_string(prefix)},
                        {"until", block.until == 0 ? Json() : Json(utc_time(block.until))},
                        {"since", utc_time(block.since)},
                        {"comment", block.comment},
                        {"who", block.who},
                        {"packets", packets ? packets.value() : 0}});
    }
    return list;
}

Result<Json> find_match(const Context& context, const Environment& environment,
                        const std::string& name, const std::string& wanted) {
    const auto address = parse_address(wanted);
    if (!address) {
        return Error{EINVAL, "'" + wanted + "' is not an address"};
    }
    const RuleSet& rules = context.firewall.running().rules;
    const auto found = find_in_set(rules, environment, name, *address);
    Json answer{{"address", to_string(*address)}, {"held", found.has_value()}};
    if (found) {
        answer["element"] = found->element;
        answer["sets"] = found->sets;
    }
    return answer;
}

Result<Prefix> prefix_parameter(const Json& parameters) {
    const std::string text = TRY(text_parameter(parameters, "prefix"));
    const ParsedPrefix parsed = parse_prefix(text);
    if (parsed.error == PrefixError::host_bits) {
        return Error{EINVAL, fmt::format("'{}' has bits behind its length; did you mean {}?", text,
                                         to_string(parsed.prefix))};
    }
    if (parsed.error != PrefixError::none) {
        return Error{EINVAL, "'" + text + "' is not an address or prefix"};
    }
    return parsed.prefix;
}

bool overlap(const AddressRange& a, const AddressRange& b) {
    return a.first.family == b.first.family && a.first <= b.last && b.first <= a.last;
}

// Why this block would hit the operator; empty: it would not.
Result<std::string> harm_of(const Context& context, const Prefix& prefix,
                            const std::string& session_address) {
    const AddressRange range = range_of(prefix);
    if (!session_address.empty()) {
        const auto session = parse_address(session_address);
        if (!session) {
            return Error{EINVAL, "'" + session_address + "' is not an address"};
        }
        if (contains(prefix, *session)) {
            return to_string(prefix) + " holds " + session_address + ": that is your own session";
        }
    }
    const RuleSet& rules = context.firewall.running().rules;
    const Environment environment = context.firewall.environment_now();
    Contents contents(rules, environment);
    for (const char* name : {"management", "self"}) {
        for (const AddressRange& own : contents.address_set(name).ranges) {
            if (overlap(range, own)) {
                return fmt::format("{} holds {} of @{}", to_string(prefix), to_string(own), name);
            }
        }
    }
    return std::string();
}

} // namespace

Answer get_sets(const Context& context, const Parameters&) {
    const RuleSet& rules = context.firewall.running().rules;
    const Environment environment = context.firewall.environment_now();
    Contents contents(rules, environment);
    Json list = Json::array();
    for (const Set& set : rules.sets) {
        list.push_back(set_object(context, contents, set.name, set.type, source_of(set)));
    }
    for (const auto& [name, source] : built_in_sets) {
        list.push_back(set_object(context, contents, name, SetType::prefix, source));
        list.back()["built_in"] = true;
    }
    return Json{{"sets", std::move(list)}};
}

Answer get_set(const Context& context, const Parameters& parameters) {
    std::string name = TRY(text_parameter(parameters, "name"));
    if (name.substr(0, 1) == "@") {
        name.erase(0, 1);
    }
    const RuleSet& rules = context.firewall.running().rules;
    const Environment environment = context.firewall.environment_now();
    Contents contents(rules, environment);
    const auto built_in = std::find_if(built_in_sets.begin(), built_in_sets.end(),
                                       [&](const auto& known) { return name == known.first; });
    const Set* set = contents.find(name);
    if (set == nullptr && built_in == built_in_sets.end()) {
        return Error{ENOENT, "no set '" + name + "'"};
    }
    const SetType type = set != nullptr ? set->type : SetType::prefix;
    Json answer = set_object(context, contents, name, type,
                             set != nullptr ? source_of(*set) : std::string(built_in->second));
    const std::string wanted = TRY(text_parameter(parameters, "match"));
    if (!wanted.empty()) {
        answer["match"] = TRY(find_match(context, environment, name, wanted));
        return answer;
    }
    const uint64_t offset = TRY(number_parameter(parameters, "offset")).value_or(0);
    const uint64_t limit = TRY(number_parameter(parameters, "limit")).value_or(page_default);
    const uint64_t page = std::min<uint64_t>(limit, page_max);
    answer["offset"] = offset;
    if (name == "blocks") {
        answer["blocks"] = blocks_as_json(context.firewall, offset, page);
        answer["elements"] = Json::array();
        for (const Json& block : answer["blocks"]) {
            answer["elements"].push_back(block["prefix"]);
        }
    } else {
        answer["elements"] = elements_of(contents, name, type, offset, page);
    }
    return answer;
}

Answer block(const Context& context, const Parameters& parameters) {
    const Prefix prefix = TRY(prefix_parameter(parameters));
    const auto ttl = TRY(number_parameter(parameters, "ttl_s")).value_or(0);
    if (ttl > static_cast<uint64_t>(ttl_max_s)) {
        return Error{EINVAL, "a block lasts ten years at most; 0 is for good"};
    }
    const std::string session = TRY(text_parameter(parameters, "session_address"));
    const std::string harm = TRY(harm_of(context, prefix, session));
    if (!harm.empty() && !TRY(flag_parameter(parameters, "force"))) {
        return Error{EPERM, harm + " (use 'force')"};
    }
    const int64_t now = time(nullptr);
    const Block wanted{ttl == 0 ? 0 : now + static_cast<int64_t>(ttl), now,
                       TRY(text_parameter(parameters, "comment")),
                       TRY(text_parameter(parameters, "who"))};
    TRY(context.firewall.block(prefix, wanted));
    return Json{{"prefix", to_string(prefix)},
                {"until", wanted.until == 0 ? Json() : Json(utc_time(wanted.until))},
                {"blocks", context.firewall.blocks().list().size()}};
}

Answer unblock(const Context& context, const Parameters& parameters) {
    const Prefix prefix = TRY(prefix_parameter(parameters));
    const auto& list = context.firewall.blocks().list();
    const auto found = list.find(prefix);
    if (found == list.end()) {
        return Error{ENOENT, to_string(prefix) + " is not blocked"};
    }
    const Block block = found->second;
    const uint64_t packets = TRY(context.firewall.unblock(prefix));
    return Json{{"prefix", to_string(prefix)},
                {"packets", packets},
                {"who", block.who},
                {"comment", block.comment}};
}

} // namespace pc::daemon::methods
