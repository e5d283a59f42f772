// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/eve.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <ctime>

#include <fmt/format.h>

namespace pc::daemon {

std::string eve_time(int64_t realtime_ns) {
    const time_t seconds = realtime_ns / 1000000000;
    tm parts{};
    gmtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}+0000", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                       realtime_ns % 1000000000 / 1000);
}

std::string eve_protocol(uint8_t proto) {
    std::string name = protocol_name(proto);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(toupper(c)); });
    return name;
}

Address eve_address(const __be32 (&words)[4], uint8_t family) {
    Address address;
    address.family = family == 6 ? Family::v6 : Family::v4;
    std::memcpy(address.bytes.data(), words, family == 6 ? 16 : 4);
    return address;
}

} // namespace pc::daemon
