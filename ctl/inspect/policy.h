// SPDX-License-Identifier: GPL-3.0-or-later
// Which server names an [inspect.NAME] lets through. Pure.
//
// Order: malformed is denied if there is any list (a broken hello must not step around one), then
// `deny`, then `allow`; deny wins. With an `allow` list everything outside it is denied, and so is
// a flow without a name. Without lists everything passes.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

#include "rules/result.h"

namespace pc::inspect {

// "a.example" is that name alone; "*.a.example" is every name below it, at any depth, not itself.
class NameSet {
public:
    // Case and a trailing dot make no difference.
    [[nodiscard]] Result<void> add(std::string_view pattern);

    [[nodiscard]] bool empty() const { return exact_.empty() && below_.empty(); }

    // The pattern that holds the (normal) name, as it would be written; empty if none does.
    [[nodiscard]] std::string find(std::string_view name) const;

private:
    std::unordered_set<std::string> exact_;
    std::unordered_set<std::string> below_; // "a.example" of "*.a.example"
};

struct Policy {
    NameSet allow;
    NameSet deny;
};

[[nodiscard]] Result<Policy> make_policy(std::span<const std::string> allow,
                                         std::span<const std::string> deny);

enum class NameState { found, none, malformed };

struct Judgement {
    bool allowed = true;
    std::string reason; // "deny *.example", "not in allow", "no name", ...; for the log
};

// `name` as from normal_host_name(), read only when it was found; `fault` only when malformed.
[[nodiscard]] Judgement judge(const Policy& policy, NameState state, std::string_view name,
                              std::string_view fault);

} // namespace pc::inspect
