// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/policy.h"

#include <fmt/format.h>

#include "ctl/inspect/host_name.h"

namespace pc::inspect {

namespace {

Result<NameSet> make_set(std::span<const std::string> patterns) {
    NameSet set;
    for (const std::string& pattern : patterns) {
        TRY(set.add(pattern));
    }
    return set;
}

} // namespace

Result<void> NameSet::add(std::string_view pattern) {
    const bool below = pattern.starts_with("*.");
    const std::optional<std::string> name = normal_host_name(pattern.substr(below ? 2 : 0));
    if (!name || name->find('*') != std::string::npos) {
        return Error{0, fmt::format("\"{}\" is neither a name nor \"*.\" and a name", pattern)};
    }
    (below ? below_ : exact_).insert(*name);
    return {};
}

std::string NameSet::find(std::string_view name) const {
    if (exact_.contains(std::string(name))) {
        return std::string(name);
    }
    for (size_t dot = name.find('.'); dot != std::string_view::npos;
         dot = name.find('.', dot + 1)) {
        const std::string suffix(name.substr(dot + 1));
        if (dot > 0 && below_.contains(suffix)) {
            return "*." + suffix;
        }
    }
    return {};
}

Result<Policy> make_policy(std::span<const std::string> allow, std::span<const std::string> deny) {
    return Policy{TRY(make_set(allow)), TRY(make_set(deny))};
}

Judgement judge(const Policy& policy, NameState state, std::string_view name,
                std::string_view fault) {
    if (policy.allow.empty() && policy.deny.empty()) {
        return {true, "no list"};
    }
    switch (state) {
    case NameState::malformed:
        return {false, fmt::format("malformed: {}", fault)};
    case NameState::none:
        return {policy.allow.empty(), "no name"};
    case NameState::found:
        break;
    }
    if (const std::string pattern = policy.deny.find(name); !pattern.empty()) {
        return {false, "deny " + pattern};
    }
    if (policy.allow.empty()) {
        return {true, "not in deny"};
    }
    if (const std::string pattern = policy.allow.find(name); !pattern.empty()) {
        return {true, "allow " + pattern};
    }
    return {false, "not in allow"};
}

} // namespace pc::inspect
