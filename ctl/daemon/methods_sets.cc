// SPDX-License-Identifier: GPL-3.0-or-later
// show sets, show set NAME.
#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include <fmt/format.h>

#include "ctl/daemon/dynamic_answers.h"
#include "ctl/daemon/methods.h"
#include "ctl/daemon/parameters.h"
#include "rules/contents.h"
#include "rules/membership.h"

namespace pc::daemon::methods {
namespace {

constexpr uint64_t page_default = 1000;
constexpr uint64_t page_max = 10000;

constexpr std::array<std::pair<const char*, const char*>, 6> built_in_sets{{
    {"self", "built in (this router's addresses)"},
    {"local", "built in (connected networks)"},
    {"management", "built in ([host] management)"},
    {"bogons", "built in (RFC 6890)"},
    {"blocks", "built in (`block`)"},
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
    case SetType::name:
        return "name";
    }
    return "";
}

template <typename Item>
bool names_set(const std::vector<Item>& items, std::string_view name) {
    return std::any_of(items.begin(), items.end(),
                       [&](const Item& item) { return item.set == name; });
}

// Of [inspect.*], which list it by their own name.
bool names_set(const Inspect& inspect, std::string_view name) {
    return std::any_of(inspect.rules.begin(), inspect.rules.end(), [&](const InspectRule& rule) {
        return names_set(rule.host, name) || names_set(rule.client, name);
    });
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
    for (const Inspect& inspect : rules.inspects) {
        if (names_set(inspect, name)) {
            list.push_back("inspect " + inspect.name);
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

// Of a set of names: `call` for each, as long as it wants more.
template <typename Call>
void each_name(const Set& set, Call call) {
    for (const std::string& name : set.names) {
        if (!call(std::string_view(name))) {
            return;
        }
    }
    std::string_view left = set.file_names;
    while (!left.empty()) {
        const size_t end = left.find('\n');
        if (!call(left.substr(0, end))) {
            return;
        }
        left.remove_prefix(end + 1);
    }
}

size_t prefixes_in(const std::vector<AddressRange>& ranges) {
    size_t count = 0;
    for (const AddressRange& range : ranges) {
        count += range.first == range.last ? 1 : prefixes_of(range).size();
    }
    return count;
}

std::string source_of(const Set& set) {
    if (set.dynamic) {
        return "dynamic";
    }
    const bool lists = !set.addresses.empty() || !set.numbers.empty() || !set.names.empty();
    std::string source = lists ? "config" : "";
    for (const std::string& file : set.files) {
        source += (source.empty() ? "file " : ", file ") + file;
    }
    return source.empty() ? "config" : source;
}

Json set_object(const Context& context, Contents& contents, const std::string& name, SetType type,
                const std::string& source) {
    const RuleSet& rules = context.firewall.running().rules;
    Json object{{"name", name},
                {"type", std::string(type_word(type))},
                {"source", source},
                {"references", references(rules, name)},
                {"referenced_by_sets", references_by_sets(rules, name)}};
    if (!add_dynamic(context, name, object)) {
        const Set* set = contents.find(name);
        object["entries"] = type == SetType::prefix ? prefixes_in(contents.address_set(name).ranges)
                            : type == SetType::name ? set->names.size() + set->file_names_count
                                                    : contents.number_set(name).size();
    }
    return object;
}

// A page of what the set holds.
Json elements_of(Contents& contents, const std::string& name, SetType type, uint64_t offset,
                 uint64_t limit) {
    Json list = Json::array();
    uint64_t at = 0; // there may be a million
    const auto is_shown = [&] { return at++ >= offset && list.size() < limit; };
    if (type == SetType::prefix) {
        for (const AddressRange& range : contents.address_set(name).ranges) {
            if (list.size() == limit) {
                break;
            }
            for (const Prefix& prefix : prefixes_of(range)) {
                if (is_shown()) {
                    list.push_back(to_string(prefix));
                }
            }
        }
    } else if (type == SetType::name) {
        each_name(*contents.find(name), [&](std::string_view each) {
            if (is_shown()) {
                list.push_back(std::string(each));
            }
            return list.size() < limit;
        });
    } else {
        for (const NumberRange& range : contents.number_set(name)) {
            if (is_shown()) {
                list.push_back(range.low == range.high
                                   ? std::to_string(range.low)
                                   : fmt::format("{}-{}", range.low, range.high));
            }
        }
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
        add_holder(context, name, *address, answer);
    }
    return answer;
}

// The longest pattern of the set that holds the name.
Result<Json> find_name(const Set& set, const std::string& wanted) {
    const auto name = normal_server_name(wanted);
    if (!name) {
        return Error{EINVAL, "'" + wanted + "' is not a name of a server"};
    }
    std::string_view found;
    each_name(set, [&](std::string_view each) {
        const bool below = each.starts_with("*.");
        const bool holds =
            below ? name->size() >= each.size() && name->ends_with(each.substr(1)) : each == *name;
        // The name itself before any pattern, which is longer than what it stands for.
        if (holds && (found.empty() || !below || each.size() > found.size())) {
            found = each;
        }
        return found != *name;
    });
    Json answer{{"name", *name}, {"held", !found.empty()}};
    if (!found.empty()) {
        answer["element"] = std::string(found);
        answer["sets"] = "set " + set.name;
    }
    return answer;
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
    const bool is_aside = set == nullptr && context.firewall.dynamic_sets().find(name) != nullptr;
    if (set == nullptr && built_in == built_in_sets.end() && !is_aside) {
        return Error{ENOENT, "no set '" + name + "'"};
    }
    const SetType type = set != nullptr ? set->type : SetType::prefix;
    Json answer = set_object(context, contents, name, type,
                             set != nullptr                    ? source_of(*set)
                             : built_in != built_in_sets.end() ? std::string(built_in->second)
                                                               : "dynamic, not of these rules");
    const std::string wanted = TRY(text_parameter(parameters, "match"));
    if (!wanted.empty() && type == SetType::name) {
        answer["match"] = TRY(find_name(*set, wanted));
        return answer;
    }
    if (!wanted.empty()) {
        answer["match"] = TRY(find_match(context, environment, name, wanted));
        return answer;
    }
    const uint64_t offset = TRY(number_parameter(parameters, "offset")).value_or(0);
    const uint64_t limit = TRY(number_parameter(parameters, "limit")).value_or(page_default);
    const uint64_t page = std::min<uint64_t>(limit, page_max);
    answer["offset"] = offset;
    if (answer.contains("dynamic")) {
        answer["live"] = live_entries(context, name, offset, page);
        answer["elements"] = Json::array();
        for (const Json& entry : answer["live"]) {
            answer["elements"].push_back(entry["prefix"]);
        }
    } else {
        answer["elements"] = elements_of(contents, name, type, offset, page);
    }
    return answer;
}

} // namespace pc::daemon::methods
