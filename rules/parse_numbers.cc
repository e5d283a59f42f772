// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <set>
#include <tuple>

#include "rules/parse_items.h"
#include "rules/words.h"

namespace pc {

namespace {

struct Name {
    std::string_view name;
    uint32_t number;
};

constexpr Name dscp_names[] = {
    {"cs0", 0},   {"cs1", 8},   {"cs2", 16},  {"cs3", 24},  {"cs4", 32},  {"cs5", 40},
    {"cs6", 48},  {"cs7", 56},  {"af11", 10}, {"af12", 12}, {"af13", 14}, {"af21", 18},
    {"af22", 20}, {"af23", 22}, {"af31", 26}, {"af32", 28}, {"af33", 30}, {"af41", 34},
    {"af42", 36}, {"af43", 38}, {"ef", 46},   {"va", 44},   {"lephb", 1}, {"be", 0},
};

// nftables' names of the codes of destination-unreachable.
constexpr Name icmp_codes[] = {
    {"net-unreachable", 0},  {"host-unreachable", 1},  {"prot-unreachable", 2},
    {"port-unreachable", 3}, {"frag-needed", 4},       {"net-prohibited", 9},
    {"host-prohibited", 10}, {"admin-prohibited", 13},
};
constexpr Name icmp6_codes[] = {
    {"no-route", 0},         {"admin-prohibited", 1}, {"addr-unreachable", 3},
    {"port-unreachable", 4}, {"policy-fail", 5},      {"reject-route", 6},
};

std::string_view what(NumberField field) {
    switch (field) {
    case NumberField::proto:
        return "protocol";
    case NumberField::port:
        return "port";
    case NumberField::icmp_type:
        return "ICMP type";
    case NumberField::icmp_code:
        return "ICMP code";
    case NumberField::len:
        return "length";
    case NumberField::dscp:
        return "DSCP";
    case NumberField::ttl:
        return "TTL";
    case NumberField::vlan:
        return "VLAN id";
    }
    return {};
}

std::optional<uint32_t> number_of(std::span<const Name> names, std::string_view name) {
    const auto found =
        std::find_if(names.begin(), names.end(), [&](const Name& n) { return n.name == name; });
    return found == names.end() ? std::nullopt : std::optional(found->number);
}

std::span<const Name> codes_of(Family family) {
    return family == Family::v4 ? std::span<const Name>(icmp_codes)
                                : std::span<const Name>(icmp6_codes);
}

// The number that a name of the field stands for.
std::optional<uint32_t> named(std::string_view text, const NumberSyntax& syntax) {
    switch (syntax.field) {
    case NumberField::proto:
        return parse_protocol(text);
    case NumberField::dscp:
        return number_of(dscp_names, text);
    case NumberField::icmp_type:
        return syntax.icmp ? icmp_type_number(*syntax.icmp, text) : std::nullopt;
    case NumberField::icmp_code:
        return syntax.icmp ? number_of(codes_of(*syntax.icmp), text) : std::nullopt;
    case NumberField::vlan:
        return text == "untagged" ? std::optional<uint32_t>(PC_VLAN_NONE) : std::nullopt;
    case NumberField::port:
    case NumberField::len:
    case NumberField::ttl:
        return std::nullopt;
    }
    return std::nullopt;
}

std::vector<std::string> names_of(const NumberSyntax& syntax) {
    std::vector<std::string> names;
    if (syntax.field == NumberField::proto) {
        const auto protocols = protocol_names();
        names.assign(protocols.begin(), protocols.end());
    } else if (syntax.field == NumberField::dscp) {
        std::for_each(std::begin(dscp_names), std::end(dscp_names),
                      [&](const Name& n) { names.emplace_back(n.name); });
    } else if (syntax.field == NumberField::icmp_type && syntax.icmp) {
        names = icmp_type_names(*syntax.icmp);
    } else if (syntax.field == NumberField::icmp_code && syntax.icmp) {
        for (const Name& n : codes_of(*syntax.icmp)) {
            names.emplace_back(n.name);
        }
    } else if (syntax.field == NumberField::vlan) {
        names.emplace_back("untagged");
    }
    return names;
}

NumberText bad(std::string code, std::string message, std::string help = {}) {
    return {std::nullopt, std::move(code), std::move(message), std::move(help)};
}

std::string limits(NumberField field) {
    const NumberRange range = range_of(field);
    return std::to_string(range.low) + "-" + std::to_string(range.high);
}

NumberText out_of_range(std::string_view text, NumberField field) {
    return bad("E030",
               std::string(text) + " is no " + std::string(what(field)) + ": " + limits(field));
}

NumberText bad_name(std::string_view text, const NumberSyntax& syntax) {
    const bool icmp =
        syntax.field == NumberField::icmp_type || syntax.field == NumberField::icmp_code;
    std::string help;
    if (icmp && !syntax.icmp) {
        help = "names need proto = \"icmp\" or proto = \"icmp6\", not both: write two rules";
    } else if (syntax.field == NumberField::port) {
        help = "ports are written as numbers, ranges (\"80-90\", \">=1024\") or sets (\"@web\")";
    } else if (const auto names = names_of(syntax); !names.empty()) {
        help = "names: " + join(names, " ");
    }
    return bad(syntax.field == NumberField::proto ? "E034"
               : icmp                             ? "E035"
                                                  : "E030",
               "'" + std::string(text) + "' is no " + std::string(what(syntax.field)),
               offer(text, names_of(syntax), std::move(help)));
}

NumberText checked(uint32_t low, uint32_t high, std::string_view text, NumberField field) {
    const NumberRange all = range_of(field);
    if (low < all.low || high > all.high) {
        return out_of_range(text, field);
    }
    if (low > high) {
        return bad("E032", "the range " + std::string(text) + " is empty");
    }
    return {NumberRange{low, high}, {}, {}, {}};
}

// ">=400", "<=64", ">", "<"; none if it is not of that form.
std::optional<NumberText> parse_comparison(std::string_view text, const NumberSyntax& syntax) {
    if (text.empty() || (text.front() != '<' && text.front() != '>')) {
        return std::nullopt;
    }
    const NumberRange all = range_of(syntax.field);
    const bool equal = text.size() > 1 && text[1] == '=';
    const auto number = parse_number(trim(text.substr(equal ? 2 : 1)));
    if (!number || syntax.field == NumberField::proto || !syntax.ranges) {
        return bad_name(text, syntax);
    }
    if (*number > all.high) {
        return out_of_range(text, syntax.field);
    }
    if (text.front() == '>') {
        return checked(std::max(all.low, *number + (equal ? 0 : 1)), all.high, text, syntax.field);
    }
    if (!equal && *number == 0) {
        return bad("E032", "the range " + std::string(text) + " is empty");
    }
    return checked(all.low, *number - (equal ? 0 : 1), text, syntax.field);
}

// W102, and the item is left out.
void drop_duplicates(Reading& reading, const TomlEntry& entry, std::vector<NumberItem>& items) {
    std::set<std::tuple<bool, std::string, NumberRange>> seen;
    std::vector<NumberItem> kept;
    for (NumberItem& item : items) {
        if (seen.emplace(item.negated, item.set, item.range).second) {
            kept.push_back(std::move(item));
        } else {
            reading.warning("W102", item.at, "twice in the list of '" + entry.key + "'");
        }
    }
    items = std::move(kept);
}

std::optional<NumberItem> read_number(Reading& reading, const TomlEntry& entry,
                                      const TomlNode& node, const NumberSyntax& syntax) {
    NumberItem item;
    item.at = node.at;
    if (node.kind == TomlKind::integer) {
        const auto number = static_cast<uint64_t>(node.integer);
        const bool untagged = syntax.field == NumberField::vlan && number == 0;
        const NumberText parsed =
            untagged ? NumberText{NumberRange{PC_VLAN_NONE, PC_VLAN_NONE}, {}, {}, {}}
            : number > UINT32_MAX
                ? out_of_range(std::to_string(node.integer), syntax.field)
                : checked(static_cast<uint32_t>(number), static_cast<uint32_t>(number),
                          std::to_string(node.integer), syntax.field);
        if (!parsed.range) {
            reading.error(parsed.code, node.at, parsed.message, parsed.help);
            return std::nullopt;
        }
        item.range = *parsed.range;
        return item;
    }
    if (node.kind != TomlKind::string) {
        reading.error("E010", node.at,
                      "'" + entry.key + "' takes numbers and strings, not " +
                          std::string(kind_name(node.kind)));
        return std::nullopt;
    }
    std::string_view text = trim(node.text);
    if (text.starts_with("!")) {
        item.negated = true;
        text = trim(text.substr(1));
    }
    if (item.negated && !syntax.negation) {
        reading.error("E037", node.at, "'" + entry.key + "' cannot be negated");
        return std::nullopt;
    }
    if (text.starts_with("@")) {
        item.set = text.substr(1);
        if (!syntax.sets ||
            (syntax.field != NumberField::port && syntax.field != NumberField::proto)) {
            reading.error("E024", node.at, "'" + entry.key + "' takes no sets");
            return std::nullopt;
        }
        return item;
    }
    const NumberText parsed = parse_number_text(text, syntax);
    if (!parsed.range) {
        reading.error(parsed.code, node.at, parsed.message, parsed.help);
        return std::nullopt;
    }
    item.range = *parsed.range;
    return item;
}

} // namespace

NumberRange range_of(NumberField field) {
    constexpr uint32_t vlan_max = 4094;
    constexpr uint32_t dscp_max = 63;
    switch (field) {
    case NumberField::proto:
    case NumberField::icmp_type:
    case NumberField::icmp_code:
    case NumberField::ttl:
        return {0, UINT8_MAX};
    case NumberField::port:
    case NumberField::len:
        return {0, UINT16_MAX};
    case NumberField::dscp:
        return {0, dscp_max};
    case NumberField::vlan:
        return {1, vlan_max};
    }
    return {};
}

NumberText parse_number_text(std::string_view text, const NumberSyntax& syntax) {
    if (const auto number = named(text, syntax)) {
        return {NumberRange{*number, *number}, {}, {}, {}};
    }
    if (auto compared = parse_comparison(text, syntax)) {
        return *std::move(compared);
    }
    if (const auto number = parse_number(text)) {
        if (syntax.field == NumberField::vlan && *number == 0) {
            return {NumberRange{PC_VLAN_NONE, PC_VLAN_NONE}, {}, {}, {}};
        }
        return checked(*number, *number, text, syntax.field);
    }
    const size_t dash = text.find('-');
    const auto low = parse_number(trim(text.substr(0, dash)));
    const auto high =
        dash == std::string_view::npos ? std::nullopt : parse_number(trim(text.substr(dash + 1)));
    if (!low || !high || !syntax.ranges) {
        return bad_name(text, syntax);
    }
    if (*low > *high) {
        return bad("E032", "the range " + std::string(text) + " is upside down",
                   "\"" + std::to_string(*high) + "-" + std::to_string(*low) + "\"");
    }
    return checked(*low, *high, text, syntax.field);
}

std::vector<NumberItem> read_numbers(Reading& reading, const TomlEntry& entry,
                                     const NumberSyntax& syntax, EmptyList empty) {
    std::vector<NumberItem> items;
    for (const TomlNode* node : read_list(reading, entry, empty)) {
        if (auto item = read_number(reading, entry, *node, syntax)) {
            items.push_back(*std::move(item));
        }
    }
    if (empty == EmptyList::refused) {
        drop_duplicates(reading, entry, items);
    }
    return items;
}

} // namespace pc
