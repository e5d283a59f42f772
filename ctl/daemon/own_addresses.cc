// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/own_addresses.h"

#include <fmt/format.h>

namespace pc::daemon {
namespace {

bool overlap(const AddressRange& a, const AddressRange& b) {
    return a.first.family == b.first.family && a.first <= b.last && b.first <= a.last;
}

void add(std::vector<OwnRange>& own, const std::vector<AddressRange>& ranges, std::string_view of) {
    for (const AddressRange& range : ranges) {
        own.push_back({range, of});
    }
}

} // namespace

std::vector<OwnRange> own_addresses(const RuleSet& rules, const Environment& environment) {
    Contents contents(rules, environment);
    std::vector<OwnRange> own;
    add(own, contents.address_set("management").ranges, "@management");
    add(own, contents.address_set("self").ranges, "@self");
    return own;
}

std::vector<OwnRange> near_addresses(const RuleSet& rules, const Environment& environment) {
    std::vector<OwnRange> own = own_addresses(rules, environment);
    Contents contents(rules, environment);
    add(own, contents.address_set("local").ranges, "@local");
    add(own, environment.local, "a connected network");
    static const Prefix link_local = parse_prefix("fe80::/10").prefix;
    add(own, {range_of(link_local)}, "every link");
    return own;
}

std::string harm_to(const std::vector<OwnRange>& own, const Prefix& prefix) {
    const AddressRange range = range_of(prefix);
    for (const OwnRange& each : own) {
        if (overlap(range, each.range)) {
            return fmt::format("{} holds {} of {}", to_string(prefix), to_string(each.range),
                               each.of);
        }
    }
    return {};
}

} // namespace pc::daemon
