// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/quic_keys.h"

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace pc::inspect {

namespace {

constexpr size_t hash_bytes = 32; // SHA-256
constexpr size_t tag_bytes = 16;
constexpr size_t sample_bytes = 16;
constexpr size_t number_bytes_max = 4;

using Hash = std::array<unsigned char, hash_bytes>;

struct FreeCipher {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

const unsigned char* octets(Bytes bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

constexpr Hash::size_type salt_bytes = 20;

constexpr std::array<unsigned char, salt_bytes> salt_v1 = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34,
                                                           0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8,
                                                           0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
constexpr std::array<unsigned char, salt_bytes> salt_v2 = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6,
                                                           0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26,
                                                           0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};

bool hmac(std::span<const unsigned char> key, std::span<const unsigned char> message, Hash& out) {
    return HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(),
                message.size(), out.data(), nullptr) != nullptr;
}

// HKDF-Expand-Label (RFC 8446 7.1) without a context, of at most one hash: one HMAC.
bool expand_label(const Hash& secret, std::string_view label, std::span<unsigned char> out) {
    std::string message = {'\0', static_cast<char>(out.size())};
    message += static_cast<char>(6 + label.size());
    message.append("tls13 ").append(label);
    message += '\0';
    message += '\1'; // HKDF's counter of blocks
    Hash block{};
    if (!hmac(secret, {reinterpret_cast<const unsigned char*>(message.data()), message.size()},
              block)) {
        return false;
    }
    std::copy_n(block.begin(), out.size(), out.begin());
    return true;
}

// One block of AES-ECB over the sample; its first five bytes mask the header (RFC 9001 5.4.3).
std::optional<std::array<unsigned char, sample_bytes>> mask_of(const QuicKeys& keys, Bytes sample) {
    std::array<unsigned char, sample_bytes> mask{};
    const Cipher cipher(EVP_CIPHER_CTX_new());
    int size = 0;
    if (!cipher ||
        EVP_EncryptInit_ex(cipher.get(), EVP_aes_128_ecb(), nullptr, keys.header_protection.data(),
                           nullptr) != 1 ||
        EVP_CIPHER_CTX_set_padding(cipher.get(), 0) != 1 ||
        EVP_EncryptUpdate(cipher.get(), mask.data(), &size, octets(sample),
                          static_cast<int>(sample_bytes)) != 1) {
        return std::nullopt;
    }
    return mask;
}

// AES-128-GCM; `sealed` ends in its tag.
bool open_payload(const QuicKeys& keys, uint64_t number, std::span<const unsigned char> header,
                  Bytes sealed, std::vector<std::byte>& payload) {
    std::array<unsigned char, 12> nonce = keys.iv;
    for (size_t i = 0; i < 8; ++i) {
        nonce[nonce.size() - 1 - i] ^= static_cast<unsigned char>(number >> (8 * i));
    }
    const Bytes body = sealed.first(sealed.size() - tag_bytes);
    const Bytes end = sealed.last(tag_bytes);
    std::array<unsigned char, tag_bytes> tag{}; // OpenSSL takes it by a pointer that is not const
    std::copy_n(octets(end), tag_bytes, tag.begin());
    payload.resize(body.size() + tag_bytes); // never empty, so that data() is no null pointer
    auto* out = reinterpret_cast<unsigned char*>(payload.data());
    const Cipher cipher(EVP_CIPHER_CTX_new());
    int size = 0;
    const bool opened = cipher &&
                        EVP_DecryptInit_ex(cipher.get(), EVP_aes_128_gcm(), nullptr,
                                           keys.key.data(), nonce.data()) == 1 &&
                        EVP_DecryptUpdate(cipher.get(), nullptr, &size, header.data(),
                                          static_cast<int>(header.size())) == 1 &&
                        EVP_DecryptUpdate(cipher.get(), out, &size, octets(body),
                                          static_cast<int>(body.size())) == 1 &&
                        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG,
                                            static_cast<int>(tag_bytes), tag.data()) == 1 &&
                        EVP_DecryptFinal_ex(cipher.get(), out + size, &size) == 1;
    payload.resize(opened ? body.size() : 0);
    return opened;
}

} // namespace

std::optional<QuicKeys> client_initial_keys(uint32_t version, Bytes dcid) {
    if (version != quic_v1 && version != quic_v2) {
        return std::nullopt;
    }
    const bool v2 = version == quic_v2;
    Hash initial{}, client{};
    QuicKeys keys;
    if (!hmac(v2 ? salt_v2 : salt_v1, {octets(dcid), dcid.size()}, initial) ||
        !expand_label(initial, "client in", client) ||
        !expand_label(client, v2 ? "quicv2 key" : "quic key", keys.key) ||
        !expand_label(client, v2 ? "quicv2 iv" : "quic iv", keys.iv) ||
        !expand_label(client, v2 ? "quicv2 hp" : "quic hp", keys.header_protection)) {
        return std::nullopt;
    }
    return keys;
}

uint64_t whole_packet_number(std::optional<uint64_t> largest, uint64_t truncated,
                             unsigned int bits) {
    const uint64_t expected = largest ? *largest + 1 : 0;
    const uint64_t window = uint64_t{1} << bits;
    const uint64_t candidate = (expected & ~(window - 1)) | truncated;
    if (candidate + window / 2 <= expected && candidate < (uint64_t{1} << 62) - window) {
        return candidate + window;
    }
    if (candidate > expected + window / 2 && candidate >= window) {
        return candidate - window;
    }
    return candidate;
}

std::optional<OpenedPacket> open_initial(const QuicPacket& packet, const QuicKeys& keys,
                                         std::optional<uint64_t> largest) {
    const size_t sample_at = packet.number_at + number_bytes_max;
    if (packet.bytes.size() < sample_at + sample_bytes) {
        return std::nullopt;
    }
    const auto mask = mask_of(keys, packet.bytes.subspan(sample_at, sample_bytes));
    if (!mask) {
        return std::nullopt;
    }
    std::vector<unsigned char> header(octets(packet.bytes),
                                      octets(packet.bytes) + packet.number_at + number_bytes_max);
    header.front() ^= (*mask)[0] & 0x0f;
    const unsigned int number_bytes = 1 + (header.front() & 3);
    header.resize(packet.number_at + number_bytes);
    uint64_t truncated = 0;
    for (size_t i = 0; i < number_bytes; ++i) {
        header[packet.number_at + i] ^= (*mask)[1 + i];
        truncated = truncated << 8 | header[packet.number_at + i];
    }
    OpenedPacket opened;
    opened.number = whole_packet_number(largest, truncated, 8 * number_bytes);
    opened.reserved_bits = header.front() >> 2 & 3;
    if (!open_payload(keys, opened.number, header, packet.bytes.subspan(header.size()),
                      opened.payload)) {
        return std::nullopt;
    }
    return opened;
}

} // namespace pc::inspect
