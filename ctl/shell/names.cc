// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/names.h"

namespace pc::shell {

Names names_in(const RuleSet& rules) {
    Names names;
    for (const Rule& rule : rules.rules) {
        names.rules.push_back(rule.name);
    }
    for (const Zone& zone : rules.zones) {
        names.zones.push_back(zone.name);
    }
    for (const Inspect& inspect : rules.inspects) {
        names.inspects.push_back(inspect.name);
    }
    for (const Limit& limit : rules.limits) {
        names.limits.push_back(limit.name);
    }
    for (const Set& set : rules.sets) {
        names.sets.push_back(set.name);
        if (set.dynamic) {
            names.dynamic_sets.push_back(set.name);
        }
        switch (set.type) {
        case SetType::prefix:
            names.prefix_sets.push_back(set.name);
            break;
        case SetType::port:
            names.port_sets.push_back(set.name);
            break;
        case SetType::proto:
            names.proto_sets.push_back(set.name);
            break;
        case SetType::name:
            break; // only files name them
        }
    }
    return names;
}

} // namespace pc::shell
