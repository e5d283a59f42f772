// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/quic_train.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "tests/support/tls_bytes.h"

namespace pc {

namespace {

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

std::string octets_from_hex(std::string_view hex) {
    std::string bytes;
    for (size_t at = 0; at + 1 < hex.size(); at += 2) {
        bytes += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
    }
    return bytes;
}

// OpenSSL's own HKDF: `mode` is extract or expand.
std::string hkdf(int mode, std::string secret, std::string salt, std::string label, size_t size) {
    EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
    EVP_KDF_CTX* context = EVP_KDF_CTX_new(kdf);
    char digest[] = "SHA256";
    std::vector<OSSL_PARAM> parameters = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret.data(), secret.size()),
    };
    if (mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY) {
        parameters.push_back(
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt.data(), salt.size()));
    } else {
        parameters.push_back(
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, label.data(), label.size()));
    }
    parameters.push_back(OSSL_PARAM_construct_end());
    std::string out(size, '\0');
    require(EVP_KDF_derive(context, reinterpret_cast<unsigned char*>(out.data()), size,
                           parameters.data()) == 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return out;
}

std::string expanded(const std::string& secret, std::string_view label, size_t size) {
    return hkdf(EVP_KDF_HKDF_MODE_EXPAND_ONLY, secret, "",
                number(size, 2) + vec(1, "tls13 " + std::string(label)) + vec(1, ""), size);
}

// The ciphertext, with GCM's tag behind it if there is a nonce.
std::string encrypted(const EVP_CIPHER* kind, std::string_view key, std::string_view nonce,
                      std::string_view clear, std::string_view authenticated) {
    const auto* plain = reinterpret_cast<const unsigned char*>(clear.data());
    EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
    std::string out(clear.size() + 32, '\0');
    auto* bytes = reinterpret_cast<unsigned char*>(out.data());
    int size = 0, ignored = 0;
    require(EVP_EncryptInit_ex2(
                context, kind, reinterpret_cast<const unsigned char*>(key.data()),
                nonce.empty() ? nullptr : reinterpret_cast<const unsigned char*>(nonce.data()),
                nullptr) == 1);
    EVP_CIPHER_CTX_set_padding(context, 0);
    if (!nonce.empty()) {
        require(EVP_EncryptUpdate(context, nullptr, &ignored,
                                  reinterpret_cast<const unsigned char*>(authenticated.data()),
                                  static_cast<int>(authenticated.size())) == 1);
    }
    require(EVP_EncryptUpdate(context, bytes, &size, plain, static_cast<int>(clear.size())) == 1);
    require(EVP_EncryptFinal_ex(context, bytes + size, &ignored) == 1);
    out.resize(static_cast<size_t>(size));
    if (!nonce.empty()) {
        std::array<unsigned char, 16> tag{};
        require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag.data()) == 1);
        out.append(reinterpret_cast<const char*>(tag.data()), tag.size());
    }
    EVP_CIPHER_CTX_free(context);
    return out;
}

char first_byte(uint32_t version, int type, bool fixed_bit, unsigned int low_bits) {
    const int wire = version == train_v2 ? (type + 1) % 4 : type;
    return static_cast<char>(0x80 | (fixed_bit ? 0x40 : 0) | wire << 4 |
                             static_cast<int>(low_bits));
}

} // namespace

std::string varint(uint64_t value, int width) {
    if (width == 0) {
        width = value < 64 ? 1 : value < 16384 ? 2 : value < 1U << 30 ? 4 : 8;
    }
    std::string bytes = number(value, width);
    bytes[0] = static_cast<char>(bytes[0] | (width == 8 ? 3 : width / 2) << 6);
    return bytes;
}

std::string crypto_frame(uint64_t offset, std::string_view bytes) {
    return "\x06" + varint(offset) + varint(bytes.size()) + std::string(bytes);
}

std::string ack_frame(uint64_t largest, size_t further_ranges, bool ecn) {
    std::string frame =
        (ecn ? "\x03" : "\x02") + varint(largest) + varint(17) + varint(further_ranges) + varint(0);
    for (size_t i = 0; i < further_ranges; ++i) {
        frame += varint(0) + varint(0);
    }
    return frame + (ecn ? varint(1) + varint(2) + varint(300) : "");
}

std::string close_frame(std::string_view reason) {
    return "\x1c" + varint(10) + varint(0) + varint(reason.size()) + std::string(reason);
}

InitialKeys initial_keys(uint32_t version, std::string_view dcid) {
    const bool v2 = version == train_v2;
    const std::string salt = octets_from_hex(v2 ? "0dede3def700a6db819381be6e269dcbf9bd2ed9"
                                                : "38762cf7f55934b34d179ae6a4c80cadccbb7f0a");
    const std::string prefix = v2 ? "quicv2 " : "quic ";
    InitialKeys keys;
    keys.secret = expanded(hkdf(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, std::string(dcid), salt, "", 32),
                           "client in", 32);
    keys.key = expanded(keys.secret, prefix + "key", 16);
    keys.iv = expanded(keys.secret, prefix + "iv", 12);
    keys.header_protection = expanded(keys.secret, prefix + "hp", 16);
    return keys;
}

std::string initial_packet(InitialPacket packet) {
    const auto width = static_cast<size_t>(packet.number_bytes);
    packet.frames.resize(std::max<size_t>(packet.frames.size(), 4 - width), '\0');
    const InitialKeys keys =
        initial_keys(packet.version, packet.keys_from.empty() ? packet.dcid : packet.keys_from);
    const auto low_bits = packet.reserved_bits << 2 | static_cast<unsigned int>(width - 1);
    std::string header(1, first_byte(packet.version, 0, packet.fixed_bit, low_bits));
    header += number(packet.version, 4) + vec(1, packet.dcid) + vec(1, packet.scid);
    header += varint(packet.token.size()) + packet.token;
    header += varint(width + packet.frames.size() + 16, packet.length_bytes);
    const size_t number_at = header.size();
    header += number(packet.number, packet.number_bytes);

    std::string nonce = keys.iv;
    for (size_t i = 0; i < 8; ++i) {
        nonce[11 - i] =
            static_cast<char>(nonce[11 - i] ^ static_cast<char>(packet.number >> 8 * i));
    }
    const std::string sealed = encrypted(EVP_aes_128_gcm(), keys.key, nonce, packet.frames, header);
    const std::string mask = encrypted(EVP_aes_128_ecb(), keys.header_protection, "",
                                       std::string_view(sealed).substr(4 - width, 16), "");
    header[0] = static_cast<char>(header[0] ^ (mask[0] & 0x0f));
    for (size_t i = 0; i < width; ++i) {
        header[number_at + i] = static_cast<char>(header[number_at + i] ^ mask[1 + i]);
    }
    return header + sealed;
}

std::string initial_datagram(InitialPacket packet, size_t bytes) {
    packet.frames.resize(std::max<size_t>(packet.frames.size(), 3),
                         '\0'); // as initial_packet() may
    const size_t bare = initial_packet(packet).size();
    if (bare < bytes) {
        packet.frames.append(bytes - bare, '\0');
    }
    return initial_packet(packet);
}

std::string opaque_packet(uint32_t version, int type, std::string_view dcid, size_t payload_bytes) {
    return std::string(1, first_byte(version, type, true, 3)) + number(version, 4) + vec(1, dcid) +
           vec(1, "") + varint(payload_bytes, 2) + std::string(payload_bytes, 'z');
}

std::vector<std::string> initial_train(const TrainOptions& options) {
    const std::string_view message = options.message;
    const size_t pieces = options.datagrams * options.frames;
    const size_t share = (message.size() + pieces - 1) / pieces;
    std::vector<std::string> frames;
    for (size_t at = 0; at < message.size(); at += share) {
        frames.push_back(crypto_frame(at, message.substr(at, share + options.overlap)));
    }
    std::mt19937 dice(options.shuffle);
    if (options.shuffle != 0) {
        std::shuffle(frames.begin(), frames.end(), dice);
    }
    std::vector<std::string> train;
    InitialPacket packet = options.first;
    for (size_t at = 0; at < frames.size(); at += options.frames) {
        packet.frames.clear();
        for (size_t i = at; i < std::min(at + options.frames, frames.size()); ++i) {
            packet.frames += frames[i] + (options.shuffle != 0 && dice() % 2 == 0 ? "\x01" : "");
        }
        train.push_back(initial_datagram(packet));
        ++packet.number;
    }
    if (options.shuffle != 0) {
        std::shuffle(train.begin(), train.end(), dice);
    }
    return train;
}

} // namespace pc
