// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as a frame, and cut shorter: a segment that is understood lies inside the frame, and an
// answer changes only by being taken away. Any bytes as segments of a stream: what stands at its
// start stays as it is, whatever comes later.
#include "ctl/inspect/peek_frame.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "ctl/inspect/stream_head.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* bytes, size_t size, size_t max_size);

namespace {

using pc::inspect::parse_segment;
using pc::inspect::StreamHead;
using Bytes = std::span<const std::byte>;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

// A short one of IPv4 and one of IPv6 with destination options, to start from.
size_t seed(uint8_t* bytes, size_t max_size, bool v4) {
    static const char frame4[] = "\x02PCPK\x00\x02PCPK\x01\x08\x00"
                                 "\x45\x00\x00\x2b\x00\x00\x40\x00\x40\x06\x00\x00\xc0\x00\x02\x01"
                                 "\xc6\x33\x64\x02\x9c\x40\x01\xbb\x00\x00\x00\x01\x00\x00\x00\x02"
                                 "\x50\x18\xff\xff\x00\x00\x00\x00yes";
    static const char frame6[] = "\x02PCPK\x00\x02PCPK\x01\x86\xdd"
                                 "\x60\x00\x00\x00\x00\x1f\x3c\x40"
                                 "ssssssssssssssssdddddddddddddddd"
                                 "\x06\x00\x01\x04\x00\x00\x00\x00\x9c\x40\x01\xbb\x00\x00\x00\x01"
                                 "\x00\x00\x00\x02\x50\x18\xff\xff\x00\x00\x00\x00yes";
    const size_t size = std::min(v4 ? sizeof(frame4) - 1 : sizeof(frame6) - 1, max_size);
    memcpy(bytes, v4 ? frame4 : frame6, size);
    return size;
}

void check_frame(Bytes frame) {
    const auto whole = parse_segment(frame);
    for (size_t size = 0; size <= frame.size(); size += 1 + frame.size() / 32) {
        const auto part = parse_segment(frame.first(size));
        if (part.has_value()) {
            require(whole.has_value());
            require(part->from == whole->from && part->to == whole->to && part->seq == whole->seq);
            require(part->payload.size() <= whole->payload.size());
        }
    }
    if (!whole.has_value() || whole->payload.empty()) {
        return;
    }
    require(whole->payload.data() >= frame.data() + 14 + 20 + 20);
    require(whole->payload.data() + whole->payload.size() <= frame.data() + frame.size());
}

// Two bytes of offset, one of length, then that many bytes, and so on.
void check_stream(Bytes bytes) {
    StreamHead head;
    std::vector<std::byte> before;
    while (bytes.size() >= 3) {
        const auto offset =
            static_cast<int16_t>(static_cast<int>(bytes[0]) << 8U | static_cast<int>(bytes[1])) *
            int64_t{4};
        const size_t size = std::min(static_cast<size_t>(bytes[2]), bytes.size() - 3);
        const bool contradicts = head.contradicts(offset, bytes.subspan(3, size));
        const auto added = head.add(offset, bytes.subspan(3, size));
        require(contradicts == (added == StreamHead::Added::contradiction));
        const Bytes now = head.contiguous();
        require(now.size() <= StreamHead::bytes_max && now.size() >= before.size());
        require(std::equal(before.begin(), before.end(), now.begin()));
        require(added == StreamHead::Added::something_new || now.size() == before.size());
        before.assign(now.begin(), now.end());
        bytes = bytes.subspan(3 + size);
    }
}

} // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* bytes, size_t size, size_t max_size,
                                          unsigned int dice) {
    if (size < 2 || dice % 64 == 0) {
        size = seed(bytes, max_size, dice % 128 == 0);
    }
    return LLVMFuzzerMutate(bytes, size, max_size);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    const auto input = std::as_bytes(std::span(bytes, size));
    check_frame(input);
    check_stream(input);
    return 0;
}
