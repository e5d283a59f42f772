// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/protocol/cost.h"

namespace pc::protocol {
namespace {

Json family_as_json(const FamilyCost& cost) {
    return {{"buckets", cost.buckets}, {"buckets_found", cost.buckets_found},
            {"records", cost.records}, {"records_found", cost.records_found},
            {"kinds", cost.tuples},    {"longest_chain", cost.longest_chain}};
}

} // namespace

Json cost_as_json(const ClassifierCost& cost) {
    return {{"text", to_string(cost)},
            {"ipv4", family_as_json(cost.v4)},
            {"ipv6", family_as_json(cost.v6)}};
}

} // namespace pc::protocol
