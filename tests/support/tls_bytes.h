// SPDX-License-Identifier: GPL-3.0-or-later
// TLS messages written byte by byte, for tests.
#pragma once

#include <string>
#include <string_view>

namespace pc {

// Big endian.
inline std::string number(size_t value, int width) {
    std::string bytes;
    for (int i = width - 1; i >= 0; --i) {
        bytes += static_cast<char>(value >> (8 * i));
    }
    return bytes;
}

// A vector with its length of `width` bytes in front.
inline std::string vec(int width, std::string_view content) {
    return number(content.size(), width) + std::string(content);
}

inline std::string extension(size_t type, std::string_view body) {
    return number(type, 2) + vec(2, body);
}

inline std::string sni(std::string_view name) {
    return extension(0, vec(2, std::string(1, '\0') + vec(2, name)));
}

inline std::string client_hello_message(std::string_view extensions, size_t version = 0x0303,
                                        std::string_view ciphers = "\x13\x01\x13\x02") {
    const std::string body = number(version, 2) + std::string(32, 'r') + vec(1, "session") +
                             vec(2, ciphers) + vec(1, std::string(1, '\0')) + vec(2, extensions);
    return "\x01" + vec(3, body);
}

} // namespace pc
