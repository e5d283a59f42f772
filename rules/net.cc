// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/net.h"

#include <algorithm>
#include <bit>
#include <charconv>

namespace pc {

namespace {

__extension__ using Uint128 = unsigned __int128;

struct ProtocolName {
    std::string_view name;
    uint8_t number;
};

// The first name of a number is the one that is printed.
constexpr ProtocolName protocols[] = {
    {"tcp", 6},        {"udp", 17},   {"icmp", 1},     {"icmp6", 58},    {"icmpv6", 58},
    {"ipv6-icmp", 58}, {"sctp", 132}, {"dccp", 33},    {"udplite", 136}, {"gre", 47},
    {"esp", 50},       {"ah", 51},    {"ipcomp", 108}, {"igmp", 2},      {"ipip", 4},
    {"ipencap", 4},    {"ipv6", 41},  {"ospf", 89},    {"ospfigp", 89},  {"pim", 103},
    {"vrrp", 112},     {"eigrp", 88}, {"rsvp", 46},    {"l2tp", 115},    {"etherip", 97},
    {"hopopt", 0},
};

constexpr unsigned byte_max = 255;
constexpr size_t groups_v6 = 8;

// The whole of `text` as a decimal number without sign or leading zeros.
std::optional<unsigned> parse_decimal(std::string_view text, unsigned max) {
    if (text.empty() || text.size() > 5 || (text.size() > 1 && text.front() == '0')) {
        return std::nullopt;
    }
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > max) {
        return std::nullopt;
    }
    return value;
}

// Digit by digit: lists of a million addresses come through here.
bool parse_v4(std::string_view text, uint8_t* bytes) {
    const char* at = text.data();
    const char* const end = at + text.size();
    for (int i = 0; i < 4; ++i) {
        const char* const first = at;
        unsigned value = 0;
        while (at != end && *at >= '0' && *at <= '9' && at - first < 4) {
            value = value * 10 + static_cast<unsigned>(*at++ - '0');
        }
        const auto digits = at - first;
        if (digits == 0 || (digits > 1 && *first == '0') || value > byte_max) {
            return false;
        }
        bytes[i] = static_cast<uint8_t>(value);
        if (i < 3 && (at == end || *at++ != '.')) {
            return false;
        }
    }
    return at == end;
}

std::optional<uint16_t> parse_group(std::string_view text) {
    if (text.empty() || text.size() > 4) {
        return std::nullopt;
    }
    uint16_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

// Groups of one side of "::" (or of the whole address), the last of which may be an IPv4 address.
// Appends to `groups`, false if the text is not that.
bool parse_groups(std::string_view text, bool v4_allowed, std::vector<uint16_t>& groups) {
    while (!text.empty()) {
        const size_t colon = std::min(text.find(':'), text.size());
        const std::string_view part = text.substr(0, colon);
        const bool last = colon == text.size();
        uint8_t v4[4];
        if (last && v4_allowed && part.find('.') != std::string_view::npos) {
            if (!parse_v4(part, v4)) {
                return false;
            }
            groups.push_back(static_cast<uint16_t>(v4[0] << 8 | v4[1]));
            groups.push_back(static_cast<uint16_t>(v4[2] << 8 | v4[3]));
            return groups.size() <= groups_v6;
        }
        const auto group = parse_group(part);
        if (!group || groups.size() == groups_v6) {
            return false;
        }
        groups.push_back(*group);
        if (last) {
            return true;
        }
        text.remove_prefix(colon + 1);
        if (text.empty()) {
            return false; // "1:"
        }
    }
    return true;
}

bool parse_v6(std::string_view text, uint8_t* bytes) {
    constexpr size_t longest = 45; // eight groups, the last two as IPv4
    if (text.size() > longest) {
        return false;
    }
    std::vector<uint16_t> head;
    std::vector<uint16_t> tail;
    const size_t gap = text.find("::");
    if (gap == std::string_view::npos) {
        if (!parse_groups(text, true, head) || head.size() != groups_v6) {
            return false;
        }
    } else if (!parse_groups(text.substr(0, gap), false, head) ||
               !parse_groups(text.substr(gap + 2), true, tail) ||
               head.size() + tail.size() >= groups_v6) {
        return false;
    }
    head.resize(groups_v6 - tail.size(), 0);
    head.insert(head.end(), tail.begin(), tail.end());
    for (size_t i = 0; i < groups_v6; ++i) {
        bytes[2 * i] = static_cast<uint8_t>(head[i] >> 8);
        bytes[2 * i + 1] = static_cast<uint8_t>(head[i]);
    }
    return true;
}

size_t address_bytes(Family family) {
    return family == Family::v4 ? 4 : 16;
}

Uint128 value_of(const Address& address) {
    Uint128 value = 0;
    for (size_t i = 0; i < address_bytes(address.family); ++i) {
        value = value << 8 | address.bytes[i];
    }
    return value;
}

Address address_of(Family family, Uint128 value) {
    Address address{family, {}};
    for (size_t i = address_bytes(family); i-- > 0; value >>= 8) {
        address.bytes[i] = static_cast<uint8_t>(value);
    }
    return address;
}

// A mask of the low `bits` bits; all of them for 128.
Uint128 low_bits(int bits) {
    return bits >= 128 ? ~Uint128{0} : (Uint128{1} << bits) - 1;
}

int trailing_zeros(Uint128 value) {
    const auto low = static_cast<uint64_t>(value);
    const auto high = static_cast<uint64_t>(value >> 64);
    return low != 0 ? std::countr_zero(low) : 64 + std::countr_zero(high);
}

std::string hex(uint16_t group) {
    char text[4];
    const auto result = std::to_chars(text, text + sizeof text, group, 16);
    return {text, result.ptr};
}

std::string v4_text(const uint8_t* bytes) {
    std::string text;
    for (int i = 0; i < 4; ++i) {
        text += (i == 0 ? "" : ".") + std::to_string(bytes[i]);
    }
    return text;
}

// RFC 5952: the longest run of at least two zero groups, the first of equals, becomes "::".
std::string v6_text(const std::array<uint8_t, 16>& bytes) {
    uint16_t groups[groups_v6];
    for (size_t i = 0; i < groups_v6; ++i) {
        groups[i] = static_cast<uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
    }
    const bool mapped =
        std::all_of(groups, groups + 5, [](uint16_t g) { return g == 0; }) && groups[5] == 0xffff;
    if (mapped) {
        return "::ffff:" + v4_text(bytes.data() + 12);
    }
    size_t best = groups_v6;
    size_t best_length = 1;
    for (size_t i = 0; i < groups_v6; ++i) {
        size_t end = i;
        while (end < groups_v6 && groups[end] == 0) {
            ++end;
        }
        if (end - i > best_length) {
            best = i;
            best_length = end - i;
        }
        i = std::max(i, end == i ? i : end - 1);
    }
    std::string text;
    for (size_t i = 0; i < groups_v6; ++i) {
        if (i == best) {
            text += "::";
            i += best_length - 1;
            continue;
        }
        text += (text.empty() || text.back() == ':' ? "" : ":") + hex(groups[i]);
    }
    return text;
}

} // namespace

std::optional<Address> parse_address(std::string_view text) {
    Address address;
    if (text.find(':') == std::string_view::npos) {
        return parse_v4(text, address.bytes.data()) ? std::optional(address) : std::nullopt;
    }
    address.family = Family::v6;
    return parse_v6(text, address.bytes.data()) ? std::optional(address) : std::nullopt;
}

ParsedPrefix parse_prefix(std::string_view text) {
    const size_t slash = text.find('/');
    const auto address = parse_address(text.substr(0, slash));
    if (!address) {
        return {{}, PrefixError::syntax};
    }
    const int bits = address_bits(address->family);
    ParsedPrefix parsed{{*address, static_cast<uint8_t>(bits)}, PrefixError::none};
    if (slash == std::string_view::npos) {
        return parsed;
    }
    const std::string_view digits = text.substr(slash + 1);
    const auto length = parse_decimal(digits, static_cast<unsigned>(bits));
    if (!length) {
        const bool number =
            !digits.empty() &&
            std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
        parsed.error = number ? PrefixError::length : PrefixError::syntax;
        return parsed;
    }
    parsed.prefix.length = static_cast<uint8_t>(*length);
    const Uint128 value = value_of(*address);
    const Uint128 host = low_bits(bits - static_cast<int>(*length));
    if ((value & host) != 0) {
        parsed.prefix.address = address_of(address->family, value & ~host);
        parsed.error = PrefixError::host_bits;
    }
    return parsed;
}

std::optional<AddressRange> parse_address_range(std::string_view text) {
    const size_t dash = text.find('-');
    if (dash == std::string_view::npos) {
        return std::nullopt;
    }
    const auto first = parse_address(text.substr(0, dash));
    const auto last = parse_address(text.substr(dash + 1));
    if (!first || !last || first->family != last->family || *last < *first) {
        return std::nullopt;
    }
    return AddressRange{*first, *last};
}

std::optional<MacAddress> parse_mac(std::string_view text) {
    constexpr size_t length = 17;
    MacAddress mac;
    if (text.size() != length) {
        return std::nullopt;
    }
    for (size_t i = 0; i < mac.bytes.size(); ++i) {
        const char* at = text.data() + 3 * i;
        const auto [end, error] = std::from_chars(at, at + 2, mac.bytes[i], 16);
        const bool separated = i == 5 || at[2] == ':' || at[2] == '-';
        if (error != std::errc{} || end != at + 2 || !separated) {
            return std::nullopt;
        }
    }
    return mac;
}

std::optional<uint8_t> parse_protocol(std::string_view text) {
    for (const ProtocolName& protocol : protocols) {
        if (protocol.name == text) {
            return protocol.number;
        }
    }
    const auto number = parse_decimal(text, byte_max);
    return number ? std::optional(static_cast<uint8_t>(*number)) : std::nullopt;
}

std::string to_string(const Address& address) {
    return address.family == Family::v4 ? v4_text(address.bytes.data()) : v6_text(address.bytes);
}

std::string to_string(const Prefix& prefix) {
    return to_string(prefix.address) + "/" + std::to_string(prefix.length);
}

std::string to_string(const AddressRange& range) {
    if (range.first == range.last) {
        return to_string(range.first);
    }
    const std::vector<Prefix> prefixes = prefixes_of(range);
    return prefixes.size() == 1 ? to_string(prefixes.front())
                                : to_string(range.first) + "-" + to_string(range.last);
}

std::string to_string(const MacAddress& mac) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const uint8_t byte : mac.bytes) {
        text += text.empty() ? "" : ":";
        text += digits[byte >> 4];
        text += digits[byte & 0xf];
    }
    return text;
}

std::string protocol_name(uint8_t number) {
    for (const ProtocolName& protocol : protocols) {
        if (protocol.number == number) {
            return std::string(protocol.name);
        }
    }
    return std::to_string(number);
}

std::vector<std::string_view> protocol_names() {
    std::vector<std::string_view> names;
    for (const ProtocolName& protocol : protocols) {
        names.push_back(protocol.name);
    }
    return names;
}

AddressRange range_of(const Prefix& prefix) {
    const Family family = prefix.address.family;
    const Uint128 host = low_bits(address_bits(family) - prefix.length);
    const Uint128 first = value_of(prefix.address) & ~host;
    return {address_of(family, first), address_of(family, first | host)};
}

bool contains(const AddressRange& range, const Address& address) {
    return range.first.family == address.family && range.first <= address && address <= range.last;
}

bool contains(const Prefix& prefix, const Address& address) {
    return contains(range_of(prefix), address);
}

Address next_address(Address address) {
    return address_of(address.family, value_of(address) + 1);
}

Address previous_address(Address address) {
    return address_of(address.family, value_of(address) - 1);
}

std::vector<Prefix> prefixes_of(const AddressRange& range) {
    const Family family = range.first.family;
    const int bits = address_bits(family);
    const Uint128 last = value_of(range.last);
    std::vector<Prefix> prefixes;
    for (Uint128 first = value_of(range.first);;) {
        // The largest block that starts here and does not reach beyond the end.
        int block = std::min(first == 0 ? bits : trailing_zeros(first), bits);
        while ((first | low_bits(block)) > last) {
            --block;
        }
        prefixes.push_back({address_of(family, first), static_cast<uint8_t>(bits - block)});
        const Uint128 end = first | low_bits(block);
        if (end >= last) {
            return prefixes;
        }
        first = end + 1;
    }
}

} // namespace pc
