// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/parse_items.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "rules/words.h"

namespace pc {

namespace {

AddressText bad(std::string code, std::string message, std::string help) {
    return {std::nullopt, std::move(code), std::move(message), std::move(help)};
}

std::string quoted(std::string_view text) {
    return "\"" + std::string(text) + "\"";
}

AddressText host_bits(std::string_view text, const Prefix& prefix) {
    AddressText parsed;
    parsed.range = range_of(prefix);
    parsed.code = "E033";
    parsed.message = std::string(text) + " has host bits set";
    parsed.help = "the network is " + quoted(to_string(prefix)) + "; for the one host write " +
                  quoted(text.substr(0, text.find('/')));
    return parsed;
}

AddressText bad_range(std::string_view first, std::string_view last) {
    const auto a = parse_address(first);
    const auto b = parse_address(last);
    const std::string text = std::string(first) + "-" + std::string(last);
    if (!a || !b) {
        return bad("E031", "'" + text + "' is no range of addresses",
                   "a range is written \"192.0.2.1-192.0.2.9\"");
    }
    if (a->family != b->family) {
        return bad("E032", "the ends of " + text + " are not of one family", {});
    }
    return bad("E032", "the range " + text + " is upside down",
               quoted(to_string(*b) + "-" + to_string(*a)));
}

AddressText not_an_address(std::string_view text) {
    std::string help = "names are not looked up; write addresses, or a set as \"@name\"";
    if (text == "any" || text == "self" || text == "local" || text == "bogons") {
        help = "\"@" + std::string(text) + "\"";
    } else if (text.find('%') != std::string_view::npos) {
        help = "write the address without its zone id (\"%...\")";
    } else if (text.find_first_of(".:/") != std::string_view::npos) {
        help.clear();
    }
    return bad("E031", "'" + std::string(text) + "' is no address, prefix or range",
               std::move(help));
}

// What stands behind "!", and whether there was one.
std::string_view strip_negation(std::string_view text, bool& negated) {
    text = trim(text);
    negated = text.starts_with("!");
    return negated ? trim(text.substr(1)) : text;
}

// The place of a word within a string.
Location place_of(const TomlNode& node, std::string_view word) {
    const size_t offset = node.text.find(word);
    return offset == std::string::npos ? node.at : part_of(node, offset, word.size());
}

std::optional<AddressItem> read_address(Reading& reading, const TomlEntry& entry,
                                        const TomlNode& node, const AddressSyntax& syntax) {
    if (node.kind != TomlKind::string) {
        reading.error("E010", node.at,
                      "'" + entry.key + "' takes addresses as strings, not " +
                          std::string(kind_name(node.kind)));
        return std::nullopt;
    }
    AddressItem item;
    const std::string_view text = strip_negation(node.text, item.negated);
    item.at = place_of(node, text);
    if (item.negated && !syntax.negation) {
        reading.error("E037", node.at, "'" + entry.key + "' cannot be negated",
                      entry.key == "items" ? "exclude = [" + quoted(text) + "]" : "");
        return std::nullopt;
    }
    if (text.starts_with("@")) {
        if (!syntax.sets) {
            reading.error("E024", item.at, "'" + entry.key + "' takes no sets, only addresses");
            return std::nullopt;
        }
        item.set = text.substr(1);
        return item;
    }
    AddressText parsed = parse_address_text(text);
    if (!parsed.code.empty()) {
        const auto& sets = reading.set_names;
        if (syntax.sets && std::find(sets.begin(), sets.end(), text) != sets.end()) {
            parsed.help = "a set is written " + quoted("@" + std::string(text));
        }
        reading.error(parsed.code, item.at, parsed.message, parsed.help);
        return std::nullopt;
    }
    item.range = *parsed.range;
    return item;
}

void drop_duplicates(Reading& reading, const TomlEntry& entry, std::vector<AddressItem>& items) {
    std::set<std::tuple<bool, std::string, AddressRange>> seen;
    std::vector<AddressItem> kept;
    for (AddressItem& item : items) {
        if (seen.emplace(item.negated, item.set, item.range).second) {
            kept.push_back(std::move(item));
        } else {
            reading.warning("W102", item.at, "twice in the list of '" + entry.key + "'");
        }
    }
    items = std::move(kept);
}

// Reads the strings of a list with `read`, leaves out repeated ones.
template <typename Item>
std::vector<Item> read_items(Reading& reading, const TomlEntry& entry,
                             std::optional<Item> (*read)(Reading&, const TomlNode&)) {
    std::vector<Item> items;
    std::set<std::string> seen;
    for (const TomlNode* node : read_list(reading, entry)) {
        if (node->kind != TomlKind::string) {
            reading.error("E010", node->at,
                          "'" + entry.key + "' takes strings, not " +
                              std::string(kind_name(node->kind)));
            continue;
        }
        auto item = read(reading, *node);
        if (!item) {
            continue;
        }
        item->at = node->at;
        if (seen.insert(word_of(*item)).second) {
            items.push_back(*std::move(item));
        } else {
            reading.warning("W102", node->at, "twice in the list of '" + entry.key + "'");
        }
    }
    return items;
}

std::optional<ZoneItem> read_zone(Reading& reading, const TomlNode& node) {
    ZoneItem item;
    item.zone = strip_negation(node.text, item.negated);
    if (!check_slug(reading, item.zone, node.at, "a zone")) {
        return std::nullopt;
    }
    return item;
}

std::optional<MacItem> read_mac(Reading& reading, const TomlNode& node) {
    MacItem item;
    const std::string_view text = strip_negation(node.text, item.negated);
    const auto mac = parse_mac(text);
    if (!mac) {
        reading.error("E038", node.at, "'" + std::string(text) + "' is no MAC address",
                      "a MAC address is written \"00:16:3e:12:34:56\"");
        return std::nullopt;
    }
    item.mac = *mac;
    return item;
}

std::optional<StateItem> read_state(Reading& reading, const TomlNode& node) {
    StateItem item;
    const std::string_view text = strip_negation(node.text, item.negated);
    const auto state = parse_state(text);
    if (!state) {
        reading.error("E020", node.at,
                      "'state' must be " + alternatives(state_names()) + ", not '" +
                          std::string(text) + "'",
                      offer(text, state_names(), ""));
        return std::nullopt;
    }
    item.state = *state;
    return item;
}

std::optional<TcpFlagsItem> read_flags(Reading& reading, const TomlNode& node) {
    TcpFlagsItem item;
    for (size_t begin = 0; begin <= node.text.size();) {
        const size_t end = std::min(node.text.find(',', begin), node.text.size());
        bool negated = false;
        const std::string_view raw = std::string_view{node.text}.substr(begin, end - begin);
        const std::string_view name = strip_negation(raw, negated);
        const auto bit = tcp_flag_bit(name);
        const Location at = part_of(node, begin, raw.size());
        if (!bit) {
            reading.error(
                "E036", at, "'" + std::string(name) + "' is no TCP flag",
                offer(name, tcp_flag_names(),
                      "flags are " + join(tcp_flag_names(), " ") + ", written \"syn,!ack\""));
            return std::nullopt;
        }
        if ((item.mask & *bit) != 0 && ((item.value & *bit) != 0) == negated) {
            reading.error("E036", at, "'" + std::string(name) + "' cannot be both set and not set");
            return std::nullopt;
        }
        item.mask |= *bit;
        item.value |= negated ? 0 : *bit;
        begin = end + 1;
    }
    return item;
}

} // namespace

AddressText parse_address_text(std::string_view text) {
    const size_t dash = text.find('-');
    if (dash != std::string_view::npos && text.find('/') == std::string_view::npos &&
        text.find_first_of(".:") != std::string_view::npos) {
        const std::string_view first = trim(text.substr(0, dash));
        const std::string_view last = trim(text.substr(dash + 1));
        const std::string joined = std::string(first) + "-" + std::string(last);
        if (const auto range = parse_address_range(joined)) {
            return {range, {}, {}, {}};
        }
        return bad_range(first, last);
    }
    const ParsedPrefix parsed = parse_prefix(text);
    switch (parsed.error) {
    case PrefixError::none:
        return {range_of(parsed.prefix), {}, {}, {}};
    case PrefixError::host_bits:
        return host_bits(text, parsed.prefix);
    case PrefixError::length:
        return bad("E032",
                   "the length of " + std::string(text) + " is more than " +
                       std::to_string(address_bits(parsed.prefix.address.family)),
                   {});
    case PrefixError::syntax:
        return not_an_address(text);
    }
    return {};
}

std::vector<AddressItem> read_addresses(Reading& reading, const TomlEntry& entry,
                                        const AddressSyntax& syntax, EmptyList empty) {
    std::vector<AddressItem> items;
    for (const TomlNode* node : read_list(reading, entry, empty)) {
        if (auto item = read_address(reading, entry, *node, syntax)) {
            items.push_back(*std::move(item));
        }
    }
    if (empty == EmptyList::refused) {
        drop_duplicates(reading, entry, items);
    }
    return items;
}

std::vector<ZoneItem> read_zones(Reading& reading, const TomlEntry& entry) {
    return read_items<ZoneItem>(reading, entry, &read_zone);
}

std::vector<TcpFlagsItem> read_tcp_flags(Reading& reading, const TomlEntry& entry) {
    return read_items<TcpFlagsItem>(reading, entry, &read_flags);
}

std::vector<StateItem> read_states(Reading& reading, const TomlEntry& entry) {
    return read_items<StateItem>(reading, entry, &read_state);
}

std::vector<MacItem> read_macs(Reading& reading, const TomlEntry& entry) {
    return read_items<MacItem>(reading, entry, &read_mac);
}

uint8_t read_fragments(Reading& reading, const TomlEntry& entry) {
    constexpr uint8_t bits[] = {PC_FRAG_NONE, PC_FRAG_FIRST, PC_FRAG_LATER,
                                PC_FRAG_FIRST | PC_FRAG_LATER};
    const auto word = read_word(reading, entry, {"none", "first", "non-first", "any"});
    return word ? bits[*word] : 0;
}

} // namespace pc
