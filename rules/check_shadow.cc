// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/check_shadow.h"

#include <algorithm>

#include "rules/cover_index.h"

namespace pc {

namespace {

// Comparisons, beyond which rules are no longer looked at: about a second.
constexpr size_t work_max = size_t{128} << 20;

// The place of a rule as a whole: without an end, so that no carets are drawn.
Location start_of(const Location& at) {
    return Location{at.file, at.line, at.col, 0, 0};
}

std::string_view does(Action action) {
    switch (action) {
    case Action::accept:
        return "accepts";
    case Action::drop:
        return "drops";
    case Action::reject:
        return "rejects";
    case Action::inspect:
        return "inspects";
    case Action::mark:
    case Action::count:
        return "sees";
    }
    return {};
}

std::string describe(const Rule& rule, const Rule& other, const std::vector<SourceFile>& files) {
    const std::string where = rule.at.file == other.at.file ? "line " + std::to_string(rule.at.line)
                                                            : place(rule.at, files);
    return "'" + rule.name + "' (priority " + std::to_string(rule.priority) + ", " + where + ") " +
           std::string(does(rule.action)) + " everything it matches";
}

void never_matches(const Rule& rule, std::string note, Diagnostics& diagnostics) {
    diagnostics.add({Severity::warning,
                     "W101",
                     start_of(rule.at),
                     "rule '" + rule.name + "' can never match",
                     {Note{std::move(note)}},
                     {}});
}

// What neighbour discovery sends, whatever its addresses.
Region neighbour_discovery() {
    static const Numbers icmp6{{58, 58}};
    static const Numbers types{{133, 136}};
    static const Numbers code{{0, 0}};
    static const Numbers hop_limit{{255, 255}};
    Region region;
    region.outline.families = PC_IPV6;
    region.outline.frags = PC_FRAG_NONE;
    region.outline.states = PC_STATE_NEW;
    const auto name = [&](RegionField field, const Numbers& numbers) {
        region.outline.named |= 1U << field;
        region.outline.hulls[field] = {numbers.front().low, numbers.back().high};
        region.numbers[field] = &numbers;
    };
    name(region_proto, icmp6);
    name(region_icmp_type, types);
    name(region_icmp_code, code);
    name(region_ttl, hop_limit);
    return region;
}

// Whether the rule drops all there is, in a direction that neighbour discovery takes: it is never
// forwarded, so that a rule with both `in` and `out` does not meet it.
bool drops_all(const Rule& rule, const Region& region) {
    return (rule.action == Action::drop || rule.action == Action::reject) &&
           region.outline.named == 0 && (region.outline.families & PC_IPV6) != 0 &&
           (region.outline.frags & PC_FRAG_NONE) != 0 &&
           (region.outline.states & PC_STATE_NEW) != 0 &&
           (rule.match.in.empty() || rule.match.out.empty());
}

void warn_of_discovery(const Rule& rule, Diagnostics& diagnostics) {
    diagnostics.add(
        {Severity::warning,
         "W130",
         start_of(rule.at),
         "rule '" + rule.name + "' also drops IPv6 neighbour discovery",
         {Note{"without it no neighbour is reachable over IPv6; [defaults] and a zone's "
               "default let pass what IPv6 needs (RFC 4890)"}},
         "remove the rule and write [defaults] action = \"drop\", or default = "
         "\"drop\" in the zone"});
}

// The rules so far that end the walk.
class Walk {
public:
    void add(const Rule& rule, Region region) {
        if (rule.action == Action::accept) {
            accepts_.push_back(rules_.size());
        }
        rules_.push_back(&rule);
        index_.add(std::move(region));
    }

    // The first rule that holds all packets of the region.
    const Rule* find_cover(const Region& inner) {
        const auto found = index_.find_cover(inner);
        return found ? rules_[*found] : nullptr;
    }

    [[nodiscard]] bool is_worn_out() const { return index_.is_worn_out(); }

    // Whether a rule accepts neighbour discovery in the zones of `region`.
    [[nodiscard]] bool lets_discovery_pass(const Region& region) const {
        Region discovery = neighbour_discovery();
        discovery.outline.in = region.outline.in;
        discovery.outline.out = region.outline.out;
        return std::any_of(accepts_.begin(), accepts_.end(), [&](size_t rule) {
            Region other = index_.regions()[rule];
            other.outline.named &= ~(1U << region_src | 1U << region_dst); // it uses link-local
            other.outline.hulls[region_src] = {};
            other.outline.hulls[region_dst] = {};
            return covers(other, discovery);
        });
    }

private:
    std::vector<const Rule*> rules_;
    std::vector<size_t> accepts_;
    CoverIndex index_{work_max};
};

void tell_worn_out(const Rule& first, const RuleSet& rules, Diagnostics& diagnostics) {
    diagnostics.add({Severity::warning,
                     "W104",
                     start_of(first.at),
                     "rules from '" + first.name + "' on were not looked at for never matching",
                     {Note{"the " + std::to_string(rules.rules.size()) +
                           " rules are too much alike to compare them all in a second"}},
                     {}});
}

} // namespace

void check_shadows(const RuleSet& rules, const Environment& environment, Contents& contents,
                   const std::function<bool(const Rule&)>& is_sound, Diagnostics& diagnostics,
                   const Progress& progress) {
    Walk earlier;
    size_t looked_at = 0;
    for (const Rule& rule : rules.rules) {
        tell_progress(progress, Phase::checking, looked_at++, rules.rules.size());
        if (!is_active(rule, environment) || !is_sound(rule)) {
            continue;
        }
        if (earlier.is_worn_out()) {
            tell_worn_out(rule, rules, diagnostics);
            return;
        }
        RegionOf found = region_of(rule, rules, contents);
        if (!found.contradiction.empty()) {
            never_matches(rule, std::move(found.contradiction), diagnostics);
            continue;
        }
        if (const Rule* cover = earlier.find_cover(found.region)) {
            never_matches(rule, describe(*cover, rule, rules.files), diagnostics);
            continue;
        }
        if (drops_all(rule, found.region) && !earlier.lets_discovery_pass(found.region)) {
            warn_of_discovery(rule, diagnostics);
        }
        if (ends_walk(rule.action)) {
            earlier.add(rule, std::move(found.region));
        }
    }
}

} // namespace pc
