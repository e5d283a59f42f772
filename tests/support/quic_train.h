// SPDX-License-Identifier: GPL-3.0-or-later
// Makes a QUIC client's Initial packets (RFC 9001, RFC 9369), right or wrong on purpose. Shares
// nothing with the product's reader: even the keys are derived by other functions of OpenSSL.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pc {

constexpr uint32_t train_v1 = 1;
constexpr uint32_t train_v2 = 0x6b3343cf;

// Frames, as bytes.
[[nodiscard]] std::string varint(uint64_t value, int width = 0); // 0: the shortest
[[nodiscard]] std::string crypto_frame(uint64_t offset, std::string_view bytes);
[[nodiscard]] std::string ack_frame(uint64_t largest, size_t further_ranges, bool ecn);
[[nodiscard]] std::string close_frame(std::string_view reason);

struct InitialKeys {
    std::string secret, key, iv, header_protection;
};

[[nodiscard]] InitialKeys initial_keys(uint32_t version, std::string_view dcid);

struct InitialPacket {
    uint32_t version = train_v1;
    std::string dcid = "\x83\x94\xc8\xf0\x3e\x51\x57\x08";
    std::string scid{}, token{};
    std::string keys_from{}; // the connection ID that the keys come from; empty: dcid
    uint64_t number = 0;
    int number_bytes = 2;
    unsigned int reserved_bits = 0;
    bool fixed_bit = true;
    int length_bytes = 2; // of the Length field
    std::string frames{};
};

// Protected. Frames shorter than what header protection samples are padded.
[[nodiscard]] std::string initial_packet(InitialPacket packet);

// The packet alone in a datagram of `bytes`, by PADDING frames behind its own.
[[nodiscard]] std::string initial_datagram(InitialPacket packet, size_t bytes = 1200);

// A packet of another kind that nobody here can read: `type` 1 is 0-RTT, 2 Handshake, 3 Retry in
// v1's numbers, whatever the version.
[[nodiscard]] std::string opaque_packet(uint32_t version, int type, std::string_view dcid,
                                        size_t payload_bytes);

struct TrainOptions {
    InitialPacket first{}; // its frames are not read
    std::string message{}; // a ClientHello without records
    size_t datagrams = 1;
    size_t frames = 1;    // into which the message is cut, in each datagram's share
    size_t overlap = 0;   // bytes that a frame repeats of the next
    uint32_t shuffle = 0; // a seed; 0: frames and datagrams in order
};

// Datagrams that hold the message between them.
[[nodiscard]] std::vector<std::string> initial_train(const TrainOptions& options);

} // namespace pc
