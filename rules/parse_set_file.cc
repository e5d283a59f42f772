// SPDX-License-Identifier: GPL-3.0-or-later
// A list of addresses, ports, protocols or names, one a line, as blocklists are published: comments
// behind
// "#" or ";", blank lines, CRLF, prefixes with host bits, repeated and overlapping entries.
#include <algorithm>

#include "rules/parse_names.h"
#include "rules/parse_sections.h"

namespace pc {

namespace {

// The first prefix with host bits, and how many there were.
struct HostBits {
    size_t count = 0;
    size_t line = 0;
    std::string text;
    std::string read_as;
};

std::string_view strip_comment(std::string_view line) {
    return trim(line.substr(0, line.find_first_of("#;")));
}

struct Line {
    std::string code; // empty: fine
    std::string message;
    std::string help;
};

Line read_address_line(std::string_view text, size_t number, Set& set, HostBits& host_bits) {
    const ParsedPrefix plain = parse_prefix(text);
    if (plain.error == PrefixError::none) {
        set.file_addresses.push_back(range_of(plain.prefix));
        return {};
    }
    AddressText parsed = parse_address_text(text);
    if (!parsed.range) {
        return {std::move(parsed.code), std::move(parsed.message), {}};
    }
    if (!parsed.code.empty() && host_bits.count++ == 0) {
        host_bits.line = number;
        host_bits.text = text;
        host_bits.read_as = to_string(*parsed.range);
    }
    set.file_addresses.push_back(*parsed.range);
    return {};
}

Line read_number_line(std::string_view text, Set& set) {
    NumberSyntax syntax;
    syntax.field = set.type == SetType::proto ? NumberField::proto : NumberField::port;
    NumberText parsed = parse_number_text(text, syntax);
    if (!parsed.range) {
        return {std::move(parsed.code), std::move(parsed.message), std::move(parsed.help)};
    }
    set.file_numbers.push_back(*parsed.range);
    return {};
}

// `word` becomes the one that is wrong.
Line read_names_of_line(std::string_view& word, Set& set) {
    if (set.file_names_count >= names_in_set_max) {
        return {"E070", "more than " + std::to_string(names_in_set_max) + " names in one set", {}};
    }
    const auto bad = read_name_line(word, set);
    if (!bad) {
        return {};
    }
    word = *bad;
    return {"E047", "'" + std::string(word) + "' is no name of a server",
            "one name a line, \"*.example\" for all below it, or as in /etc/hosts"};
}

// Where the word stands in the file, which becomes one of the rule set's: only then, because lists
// may be long.
struct Place {
    const SourceFile& file;
    std::optional<uint32_t> index;

    Location at(RuleSet& rules, uint32_t line, std::string_view whole, std::string_view word) {
        if (!index) {
            index = static_cast<uint32_t>(rules.files.size());
            rules.files.push_back(file);
        }
        const auto col = static_cast<uint32_t>(word.data() - whole.data()) + 1;
        return Location{*index, line, col, line,
                        col + static_cast<uint32_t>(std::max<size_t>(word.size(), 1)) - 1};
    }
};

} // namespace

void read_set_file(Reading& reading, Set& set, const Location& named_at, const SourceFile& file) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    std::string_view text = file.text;
    if (text.starts_with(byte_order_mark)) {
        text.remove_prefix(byte_order_mark.size());
    }
    const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    if (set.type == SetType::prefix) {
        set.file_addresses.reserve(set.file_addresses.size() + lines);
    }
    HostBits host_bits;
    Place place{file, std::nullopt};
    const size_t errors_before = reading.errors;
    for (uint32_t number = 1; !text.empty(); ++number) {
        tell_progress(reading.progress, Phase::reading, number, lines);
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        std::string_view word = strip_comment(line);
        if (word.empty()) {
            continue;
        }
        Line read = set.type == SetType::prefix ? read_address_line(word, number, set, host_bits)
                    : set.type == SetType::name ? read_names_of_line(word, set)
                                                : read_number_line(word, set);
        if (read.code.empty()) {
            continue;
        }
        reading.error(
            read.code, place.at(reading.rules, number, line, word), std::move(read.message),
            std::move(read.help),
            {Note{"read for [set." + set.name + "], " + pc::place(named_at, reading.rules.files)}});
        if (reading.errors - errors_before >= diagnostics_max || read.code == "E070") {
            return;
        }
    }
    if (host_bits.count != 0) {
        reading.warning("W103", named_at,
                        std::to_string(host_bits.count) +
                            (host_bits.count == 1 ? " prefix has" : " prefixes have") +
                            " host bits set, which are ignored",
                        {},
                        {Note{"the first: " + file.path + ":" + std::to_string(host_bits.line) +
                              ": " + host_bits.text + " is read as " + host_bits.read_as}});
    }
}

} // namespace pc
