// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: tests/unit/upstream_test.cc.
#include "rules/upstream.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace pc {

namespace {

struct Unit {
    std::string_view name;
    uint32_t ms;
};

// The longest name first: "ms" ends in "s".
constexpr std::array<Unit, 4> units{{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};

std::optional<uint32_t> decimal(std::string_view text) {
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

// Not "any", no group, and no link-local address, which is nothing without its interface.
bool can_be_reached(const Address& address) {
    const auto& bytes = address.bytes;
    if (address.family == Family::v4) {
        return bytes[0] != 0 && bytes[0] < 224;
    }
    const bool is_link_local = bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80;
    return address != Address{Family::v6, {}} && bytes[0] != 0xff && !is_link_local;
}

} // namespace

std::optional<ServerAddress> parse_server_address(std::string_view text) {
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view host = text.substr(0, colon);
    const bool is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (is_bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    const auto address = parse_address(host);
    const auto port = decimal(text.substr(colon + 1));
    if (!address || (address->family == Family::v6) != is_bracketed || !can_be_reached(*address) ||
        !port || *port == 0 || *port > UINT16_MAX) {
        return std::nullopt;
    }
    return ServerAddress{*address, static_cast<uint16_t>(*port)};
}

std::string server_text(const Address& address, uint16_t port) {
    const std::string host = to_string(address);
    return (address.family == Family::v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<uint32_t> parse_milliseconds(std::string_view text, uint32_t longest) {
    for (const Unit& unit : units) {
        if (!text.ends_with(unit.name)) {
            continue;
        }
        const auto number = decimal(text.substr(0, text.size() - unit.name.size()));
        if (!number || *number == 0 || *number > longest / unit.ms) {
            return std::nullopt;
        }
        return *number * unit.ms;
    }
    return std::nullopt;
}

std::string milliseconds_text(uint32_t ms) {
    const auto unit = std::find_if(units.rbegin(), units.rend(),
                                   [&](const Unit& each) { return ms % each.ms == 0; });
    return std::to_string(ms / unit->ms) + std::string(unit->name); // "ms" divides everything
}

bool is_check_path(std::string_view path) {
    return path.starts_with("/") && path.size() <= check_path_max &&
           std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool is_check_host(std::string_view host) {
    constexpr size_t host_max = 253 + sizeof(":65535") - 1;
    return !host.empty() && host.size() <= host_max &&
           std::all_of(host.begin(), host.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view("-._:[]").find(c) != std::string_view::npos;
           });
}

std::string_view to_string(Upstream::Balance balance) {
    switch (balance) {
    case Upstream::Balance::maglev:
        return "maglev";
    case Upstream::Balance::least_connections:
        return "least-connections";
    }
    return {};
}

} // namespace pc
