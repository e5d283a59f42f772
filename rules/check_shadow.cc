// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/check_shadow.h"

#include <algorithm>

#include "rules/region.h"

namespace pc {

namespace {

// Ranges compared: beyond it rules are no longer looked at, which only costs warnings.
constexpr size_t work_max = size_t{16} << 20;

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
    constexpr uint32_t icmp6 = 58;
    constexpr uint32_t first_type = 133;
    constexpr uint32_t last_type = 136;
    constexpr uint32_t hop_limit = 255;
    Region region;
    region.outline.families = PC_IPV6;
    region.outline.frags = PC_FRAG_NONE;
    region.outline.named =
        1U << region_proto | 1U << region_icmp_type | 1U << region_icmp_code | 1U << region_ttl;
    region.numbers[region_proto] = {{icmp6, icmp6}};
    region.outline.hulls[region_proto] = {icmp6, icmp6};
    region.numbers[region_icmp_type] = {{first_type, last_type}};
    region.numbers[region_icmp_code] = {{0, 0}};
    region.numbers[region_ttl] = {{hop_limit, hop_limit}};
    return region;
}

// Whether the rule drops all there is, in a direction that neighbour discovery takes: it is never
// forwarded, so that a rule with both `in` and `out` does not meet it.
bool drops_all(const Rule& rule, const Region& region) {
    return (rule.action == Action::drop || rule.action == Action::reject) &&
           region.outline.named == 0 && (region.outline.families & PC_IPV6) != 0 &&
           (region.outline.frags & PC_FRAG_NONE) != 0 &&
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
        rules_.push_back(&rule);
        outlines_.push_back(region.outline);
        regions_.push_back(std::move(region));
    }

    // The first rule that holds all packets of the region.
    const Rule* find_cover(const Region& inner) {
        for (size_t i = 0; i < rules_.size(); ++i) {
            if (!may_cover(outlines_[i], inner.outline)) {
                continue;
            }
            work_ += 1 + size(inner);
            if (work_ <= work_max && covers(regions_[i], inner)) {
                return rules_[i];
            }
        }
        return nullptr;
    }

    // Whether a rule accepts neighbour discovery in the zones of `region`.
    [[nodiscard]] bool lets_discovery_pass(const Region& region) const {
        Region discovery = neighbour_discovery();
        discovery.outline.in = region.outline.in;
        discovery.outline.out = region.outline.out;
        for (size_t i = 0; i < rules_.size(); ++i) {
            if (rules_[i]->action != Action::accept) {
                continue;
            }
            Region other = regions_[i];
            other.outline.named &= ~(1U << region_src | 1U << region_dst); // it uses link-local
            other.outline.hulls[region_src] = {};
            other.outline.hulls[region_dst] = {};
            if (covers(other, discovery)) {
                return true;
            }
        }
        return false;
    }

private:
    static size_t size(const Region& region) {
        size_t ranges = 0;
        for (const auto* addresses : region.addresses) {
            ranges += addresses == nullptr ? 0 : addresses->size();
        }
        return ranges;
    }

    std::vector<const Rule*> rules_;
    std::vector<Outline> outlines_;
    std::vector<Region> regions_;
    size_t work_ = 0;
};

} // namespace

void check_shadows(const RuleSet& rules, const Environment& environment, Contents& contents,
                   const std::function<bool(const Rule&)>& is_sound, Diagnostics& diagnostics) {
    Walk earlier;
    for (const Rule& rule : rules.rules) {
        if (!is_active(rule, environment) || !is_sound(rule)) {
            continue;
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
