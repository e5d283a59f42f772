// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/ja4.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <openssl/evp.h>

namespace pc::inspect {

namespace {

constexpr uint16_t extension_server_name = 0;
constexpr uint16_t extension_alpn = 16;
constexpr std::string_view hex_digits = "0123456789abcdef";

bool is_grease(uint16_t value) {
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

std::vector<uint16_t> without_grease(std::vector<uint16_t> values) {
    values.erase(std::remove_if(values.begin(), values.end(), is_grease), values.end());
    return values;
}

std::string_view version_characters(uint16_t version) {
    switch (version) {
    case 0x0304:
        return "13";
    case 0x0303:
        return "12";
    case 0x0302:
        return "11";
    case 0x0301:
        return "10";
    case 0x0300:
        return "s3";
    default:
        return "00";
    }
}

std::string two_digits(size_t count) {
    const size_t shown = std::min<size_t>(count, 99);
    return {static_cast<char>('0' + shown / 10), static_cast<char>('0' + shown % 10)};
}

bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// Its first and last character; of its hexadecimal form if one of them is not alphanumeric.
std::string alpn_characters(std::string_view alpn) {
    if (alpn.empty()) {
        return "00";
    }
    if (is_alphanumeric(alpn.front()) && is_alphanumeric(alpn.back())) {
        return {alpn.front(), alpn.back()};
    }
    return {hex_digits[static_cast<unsigned char>(alpn.front()) >> 4],
            hex_digits[static_cast<unsigned char>(alpn.back()) & 15]};
}

// "002f,0035": four hexadecimal digits each.
std::string list(const std::vector<uint16_t>& values) {
    std::string text;
    for (const uint16_t value : values) {
        if (!text.empty()) {
            text += ',';
        }
        for (int shift = 12; shift >= 0; shift -= 4) {
            text += hex_digits[(value >> shift) & 15];
        }
    }
    return text;
}

std::string truncated_sha256(std::string_view text) {
    constexpr std::string_view of_nothing = "000000000000";
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (text.empty() ||
        EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
        return std::string(of_nothing);
    }
    std::string hex;
    for (size_t i = 0; i < of_nothing.size() / 2; ++i) {
        hex += hex_digits[digest[i] >> 4];
        hex += hex_digits[digest[i] & 15];
    }
    return hex;
}

} // namespace

std::string ja4_of(const Ja4Facts& facts) {
    std::vector<uint16_t> ciphers = without_grease(facts.ciphers);
    std::vector<uint16_t> extensions = without_grease(facts.extensions);
    std::string ja4 = facts.transport == Transport::quic ? "q" : "t";
    ja4 += version_characters(facts.version);
    ja4 += facts.has_server_name ? 'd' : 'i';
    ja4 += two_digits(ciphers.size()) + two_digits(extensions.size());
    ja4 += alpn_characters(facts.first_alpn);

    std::sort(ciphers.begin(), ciphers.end());
    // These two tell the server rather than the client apart: they are counted, not hashed.
    extensions.erase(std::remove_if(extensions.begin(), extensions.end(),
                                    [](uint16_t type) {
                                        return type == extension_server_name ||
                                               type == extension_alpn;
                                    }),
                     extensions.end());
    std::sort(extensions.begin(), extensions.end());
    std::string hashed = list(extensions);
    const std::string algorithms = list(without_grease(facts.signature_algorithms));
    if (!algorithms.empty()) {
        hashed += '_' + algorithms;
    }
    return ja4 + '_' + truncated_sha256(list(ciphers)) + '_' +
           truncated_sha256(extensions.empty() ? "" : hashed);
}

} // namespace pc::inspect
