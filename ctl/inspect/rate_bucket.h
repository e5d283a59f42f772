// SPDX-License-Identifier: GPL-3.0-or-later
// Token buckets for [[inspect.NAME.rule]] with action "limit": one for each direction of a flow, or
// of all flows of a client or a rule together, whichever workers they belong to.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace pc::inspect {

// One word, when the bucket will be full again (the generic cell rate algorithm, ITU-T I.371),
// replaced by compare and exchange: any number of threads charge it exactly.
class RateBucket {
public:
    // How many of `wanted` bytes may go at this time (monotonic, in nanoseconds). They are charged.
    [[nodiscard]] uint64_t take(uint64_t wanted, uint64_t now_ns);

    // All of them or none: a datagram.
    [[nodiscard]] bool take_whole(uint64_t bytes, uint64_t now_ns);

    // What was taken and did not go.
    void give_back(uint64_t bytes);

    // Holds from now on. Not 0.
    void set_rate(uint64_t bits_per_second) { bits_per_second_ = bits_per_second; }

private:
    [[nodiscard]] uint64_t duration_ns(uint64_t bytes) const;

    std::atomic<uint64_t> bits_per_second_ = 1;
    std::atomic<uint64_t> full_at_ns_ = 0;
};

struct RatePair {
    RateBucket to_server, to_client;
};

// Buckets that flows share, for as long as one of them is there. For all workers.
class RateBuckets {
public:
    // Those of this key; with that rate from now on, for all that have them.
    [[nodiscard]] std::shared_ptr<RatePair> share(const std::string& key, uint64_t bits_per_second);

    // Of one flow alone.
    [[nodiscard]] static std::shared_ptr<RatePair> own(uint64_t bits_per_second);

private:
    std::mutex mutex_;
    std::map<std::string, std::weak_ptr<RatePair>> pairs_;
    size_t sweep_at_ = 64; // pairs: those without a flow are forgotten then
};

} // namespace pc::inspect
