// SPDX-License-Identifier: GPL-3.0-or-later
// block, unblock, clear set: entries of dynamic sets, live without a commit.
#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "ctl/daemon/dynamic_answers.h"
#include "ctl/daemon/own_addresses.h"
#include "ctl/daemon/parameters.h"

namespace pc::daemon {
namespace {

using protocol::Json;

Json time_or_null(int64_t seconds) {
    return seconds == 0 ? Json() : Json(utc_time(seconds));
}

void add_entry(Json& object, const DynamicEntry& entry) {
    object["until"] = time_or_null(entry.until);
    object["since"] = utc_time(entry.since);
    object["comment"] = entry.comment;
    object["who"] = entry.who;
}

Json count_or_null(std::optional<uint64_t> count) {
    return count ? Json(*count) : Json();
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

bool is_defined(const Context& context, const std::string& name) {
    const auto& sets = context.firewall.running().rules.sets;
    return std::any_of(sets.begin(), sets.end(), [&](const Set& set) { return set.name == name; });
}

// Those of the running rules, or also what is aside.
enum class Which : uint8_t { used, any };

// "blocks" when none is named.
Result<std::string> set_parameter(const Context& context, const Json& parameters,
                                  const char* parameter, Which which) {
    const DynamicSets& sets = context.firewall.dynamic_sets();
    std::string name = TRY(text_parameter(parameters, parameter));
    name.erase(0, name.starts_with('@') ? 1 : 0);
    name = name.empty() ? std::string(blocks_set) : name;
    if (sets.used().contains(name) || (which == Which::any && sets.find(name) != nullptr)) {
        return name;
    }
    if (is_defined(context, name)) {
        return Error{ENOENT, "set '" + name + "' is not dynamic; `set set " + name +
                                 " items ...` and `commit` change it"};
    }
    std::vector<std::string> names;
    for (const auto& [each, setting] : sets.used()) {
        names.push_back(each);
    }
    const auto meant = did_you_mean(name, names);
    return Error{ENOENT, "no dynamic set '" + name + "'" +
                             (meant.empty() ? "" : "; did you mean '" + meant.front() + "'?")};
}

// The rule that drops what comes from this set; "" where none does. @blocks needs no rule.
std::string dropped_by(const RuleSet& rules, const std::string& set) {
    for (const Rule& rule : rules.rules) {
        const bool drops = rule.action == Action::drop || rule.action == Action::reject;
        const auto& src = rule.match.src;
        const auto names_it = [&](const AddressItem& item) {
            return !item.negated && item.set == set;
        };
        if (drops && !rule.disabled && std::any_of(src.begin(), src.end(), names_it)) {
            return rule.name;
        }
    }
    return {};
}

// Why this entry would hit the operator; empty: it would not.
Result<std::string> harm_of(const Context& context, const std::string& set, const Prefix& prefix,
                            const std::string& session_address) {
    const RuleSet& rules = context.firewall.running().rules;
    const std::string rule = set == blocks_set ? "" : dropped_by(rules, set);
    if (set != blocks_set && rule.empty()) {
        return std::string();
    }
    const std::string how = rule.empty() ? "" : ", and rule '" + rule + "' drops @" + set;
    if (!session_address.empty()) {
        const auto session = parse_address(session_address);
        if (!session) {
            return Error{EINVAL, "'" + session_address + "' is not an address"};
        }
        if (contains(prefix, *session)) {
            return to_string(prefix) + " holds " + session_address + ": that is your own session" +
                   how;
        }
    }
    const std::string harm =
        harm_to(own_addresses(rules, context.firewall.environment_now()), prefix);
    return harm.empty() ? harm : harm + how;
}

} // namespace

bool add_dynamic(const Context& context, const std::string& name, Json& object) {
    const DynamicSets& sets = context.firewall.dynamic_sets();
    const DynamicEntries* entries = sets.find(name);
    const auto setting = sets.used().find(name);
    // A set that lists its elements may have the name of one that is aside.
    if (entries == nullptr || (setting == sets.used().end() && is_defined(context, name))) {
        return false;
    }
    object["dynamic"] = true;
    object["entries"] = entries->size();
    object["used"] = setting != sets.used().end();
    if (setting != sets.used().end()) {
        object["max"] = setting->second.entries_max;
        object["ttl_s"] = setting->second.ttl_s;
        object["persist"] = setting->second.persist;
    }
    return true;
}

Json live_entries(const Context& context, const std::string& name, uint64_t offset,
                  uint64_t limit) {
    Json list = Json::array();
    const DynamicSets& sets = context.firewall.dynamic_sets();
    const DynamicEntries& entries = *sets.find(name);
    auto at = entries.begin();
    std::advance(at, static_cast<long>(std::min<uint64_t>(offset, entries.size())));
    for (; at != entries.end() && list.size() < limit; ++at) {
        Json object{{"prefix", to_string(at->first)}};
        add_entry(object, at->second);
        object["packets"] = count_or_null(sets.packets(name, at->first));
        list.push_back(std::move(object));
    }
    return list;
}

void add_holder(const Context& context, const std::string& name, const Address& address,
                Json& answer) {
    const auto* holder =
        context.firewall.dynamic_sets().holder(name, address, context.firewall.clock());
    if (holder != nullptr) {
        answer["element"] = to_string(holder->first);
        add_entry(answer, holder->second);
    }
}

namespace methods {

Answer block(const Context& context, const Parameters& parameters) {
    const Prefix prefix = TRY(prefix_parameter(parameters));
    const std::string set = TRY(set_parameter(context, parameters, "set", Which::used));
    DynamicSets& sets = context.firewall.dynamic_sets();
    const auto given = TRY(number_parameter(parameters, "ttl_s"));
    const uint64_t ttl = given.value_or(sets.used().find(set)->second.ttl_s);
    if (ttl > dynamic_ttl_max_s) {
        return Error{EINVAL, "an entry lasts ten years at most; 0 is for good"};
    }
    const std::string session = TRY(text_parameter(parameters, "session_address"));
    const std::string harm = TRY(harm_of(context, set, prefix, session));
    if (!harm.empty() && !TRY(flag_parameter(parameters, "force"))) {
        return Error{EPERM, harm + " (use 'force')"};
    }
    const DynamicClock clock = context.firewall.clock();
    const DynamicEntry entry{ttl == 0 ? 0 : clock.now + static_cast<int64_t>(ttl), clock.now,
                             TRY(text_parameter(parameters, "comment")),
                             TRY(text_parameter(parameters, "who"))};
    TRY(sets.add(set, prefix, entry, clock));
    return Json{{"prefix", to_string(prefix)},
                {"set", set},
                {"until", time_or_null(entry.until)},
                {"ttl_s", ttl},
                {"entries", sets.find(set)->size()}};
}

Answer unblock(const Context& context, const Parameters& parameters) {
    const Prefix prefix = TRY(prefix_parameter(parameters));
    const std::string set = TRY(set_parameter(context, parameters, "set", Which::any));
    DynamicSets& sets = context.firewall.dynamic_sets();
    const DynamicEntries& entries = *sets.find(set);
    const auto found = entries.find(prefix);
    const DynamicEntry entry = found == entries.end() ? DynamicEntry() : found->second;
    const auto packets = TRY(sets.remove(set, prefix, context.firewall.clock()));
    return Json{{"prefix", to_string(prefix)},       {"set", set},
                {"packets", count_or_null(packets)}, {"who", entry.who},
                {"comment", entry.comment},          {"entries", entries.size()}};
}

Answer clear_set(const Context& context, const Parameters& parameters) {
    if (TRY(text_parameter(parameters, "name")).empty()) {
        return Error{EINVAL, "parameter \"name\" is missing"};
    }
    const std::string set = TRY(set_parameter(context, parameters, "name", Which::any));
    return Json{{"set", set}, {"removed", TRY(context.firewall.dynamic_sets().clear(set))}};
}

} // namespace methods
} // namespace pc::daemon
