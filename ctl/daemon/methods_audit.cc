// SPDX-License-Identifier: GPL-3.0-or-later
// audit; the classifier's part of show status.
#include <algorithm>

#include "ctl/daemon/methods.h"
#include "ctl/protocol/cost.h"
#include "rules/audit.h"

namespace pc::daemon::methods {
namespace {

using protocol::Json;

Json family_as_json(const FamilyAudit& family) {
    return Json{{"entries", family.entries}, {"tuples", family.tuples},
                {"rows", family.rows},       {"ranges", family.ranges},
                {"buckets", family.buckets}, {"longest_chain", family.longest_chain}};
}

} // namespace

Answer audit(const Context& context, const Parameters&) {
    const Generations& generations = context.firewall.applier().generations();
    const Classifier* classifier = generations.classifier();
    if (classifier == nullptr) {
        return Error{ENODATA,
                     "audit: the rules that run were written by an earlier process, and could "
                     "not be read again; commit a rule file first"};
    }
    const Audit audit = pc::audit(*classifier);
    return Json{{"rules", audit.rules},
                {"ipv4", family_as_json(audit.families[0])},
                {"ipv6", family_as_json(audit.families[1])},
                {"bytes",
                 {{"used", audit.bytes_used},
                  {"free", audit.bytes_free},
                  {"waiting", audit.bytes_waiting},
                  {"addresses", audit.bytes_of_tables},
                  {"arena", TRY(generations.arena_size())}}},
                {"findings", audit.findings},
                {"ok", audit.findings.empty()}};
}

Json classifier_as_json(const Firewall& firewall) {
    const Generations& generations = firewall.applier().generations();
    const Classifier* classifier = generations.classifier();
    const auto arena = generations.arena_size();
    if (classifier == nullptr || !arena) {
        return nullptr;
    }
    const auto family = [&](Family which) {
        const FamilyTables& tables = classifier->tables(which);
        size_t entries = 0;
        for (const auto& rule : classifier->rules()) {
            entries += static_cast<size_t>(
                std::count_if(rule->entries.begin(), rule->entries.end(),
                              [&](const auto& entry) { return entry.first == which; }));
        }
        return Json{{"tuples", tables.tuple_count()},
                    {"entries", entries},
                    {"coarseness", tables.coarseness()}};
    };
    const Image& image = classifier->image();
    Json object{{"rules", classifier->rules().size()}, {"used_bytes", image.used()},
                {"free_bytes", image.free()},          {"image_bytes", image.capacity()},
                {"arena_bytes", arena.value()},        {"ipv4", family(Family::v4)},
                {"ipv6", family(Family::v6)}};
    if (const auto cost = generations.cost()) {
        object["cost"] = protocol::cost_as_json(*cost);
    }
    return object;
}

} // namespace pc::daemon::methods
