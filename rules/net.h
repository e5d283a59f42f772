// SPDX-License-Identifier: GPL-3.0-or-later
// Addresses, prefixes, ranges, protocols, MAC addresses: parse and print, nothing else.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pc {

enum class Family : uint8_t { v4 = 4, v6 = 6 };

// An address in network byte order. An IPv4 address stands in the first four bytes, the rest is 0.
// Ordered by family, then by value.
struct Address {
    Family family = Family::v4;
    std::array<uint8_t, 16> bytes{};

    auto operator<=>(const Address&) const = default;
    bool operator==(const Address&) const = default;
};

// Host bits are zero.
struct Prefix {
    Address address;
    uint8_t length = 0;

    auto operator<=>(const Prefix&) const = default;
    bool operator==(const Prefix&) const = default;
};

// Inclusive; both ends are of one family, first <= last.
struct AddressRange {
    Address first;
    Address last;

    auto operator<=>(const AddressRange&) const = default;
    bool operator==(const AddressRange&) const = default;
};

// Inclusive, host order.
struct NumberRange {
    uint32_t low = 0;
    uint32_t high = 0;

    auto operator<=>(const NumberRange&) const = default;
    bool operator==(const NumberRange&) const = default;
};

struct MacAddress {
    std::array<uint8_t, 6> bytes{};

    auto operator<=>(const MacAddress&) const = default;
    bool operator==(const MacAddress&) const = default;
};

[[nodiscard]] constexpr int address_bits(Family family) {
    return family == Family::v4 ? 32 : 128;
}

// "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1" (stays IPv6). No zone id, no leading zeros.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);

// "192.0.2.0/24" or a bare address (full length). Refuses host bits: see PrefixError.
enum class PrefixError : uint8_t { none, syntax, length, host_bits };

struct ParsedPrefix {
    Prefix prefix; // with host bits cleared when error is host_bits
    PrefixError error = PrefixError::none;
};

[[nodiscard]] ParsedPrefix parse_prefix(std::string_view text);

// "a-b", both of one family, a <= b.
[[nodiscard]] std::optional<AddressRange> parse_address_range(std::string_view text);
[[nodiscard]] std::optional<MacAddress> parse_mac(std::string_view text);

// "tcp", "icmp6" (also "icmpv6", "ipv6-icmp"), "47": the number, 0-255.
[[nodiscard]] std::optional<uint8_t> parse_protocol(std::string_view text);

[[nodiscard]] std::string to_string(const Address& address); // RFC 5952
[[nodiscard]] std::string to_string(const Prefix& prefix);   // always with its length
[[nodiscard]] std::string
to_string(const AddressRange& range); // a prefix or one address if it is one
[[nodiscard]] std::string to_string(const MacAddress& mac);
[[nodiscard]] std::string protocol_name(uint8_t number); // "tcp", or the number
[[nodiscard]] std::vector<std::string_view> protocol_names();

[[nodiscard]] AddressRange range_of(const Prefix& prefix);
[[nodiscard]] bool contains(const AddressRange& range, const Address& address);
[[nodiscard]] bool contains(const Prefix& prefix, const Address& address);
[[nodiscard]] Address next_address(Address address);     // wraps at the end of the family
[[nodiscard]] Address previous_address(Address address); // wraps at 0

// The fewest prefixes that cover exactly the range, in order.
[[nodiscard]] std::vector<Prefix> prefixes_of(const AddressRange& range);

} // namespace pc
