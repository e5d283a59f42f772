// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/rate_bucket.h"

namespace pc::inspect {

namespace {

constexpr uint64_t ns_per_s = 1'000'000'000;

// Flows that are held back are looked at each 100 ms: a bucket holds more than what comes in
// between, and at least what a pipe moves at once.
constexpr uint64_t burst_ns = ns_per_s / 4;
constexpr uint64_t burst_bytes_min = 65536;

// Of products that may be larger than 64 bits.
uint64_t scale(uint64_t value, uint64_t by, uint64_t over) {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(value) * by / over);
}

} // namespace

uint64_t RateBucket::duration_ns(uint64_t bytes) const {
    return scale(bytes, 8 * ns_per_s, bits_per_second_);
}

uint64_t RateBucket::take(uint64_t wanted, uint64_t now_ns) {
    const uint64_t depth_ns = std::max(burst_ns, duration_ns(burst_bytes_min));
    uint64_t full_at = full_at_ns_;
    while (true) {
        const uint64_t from = std::max(full_at, now_ns);
        const uint64_t room_ns = now_ns + depth_ns - std::min(from, now_ns + depth_ns);
        const uint64_t bytes = std::min(wanted, scale(room_ns, bits_per_second_, 8 * ns_per_s));
        if (bytes == 0) {
            return 0;
        }
        if (full_at_ns_.compare_exchange_weak(full_at, from + duration_ns(bytes))) {
            return bytes;
        }
    }
}

bool RateBucket::take_whole(uint64_t bytes, uint64_t now_ns) {
    const uint64_t taken = take(bytes, now_ns);
    if (taken < bytes) {
        give_back(taken);
    }
    return taken == bytes;
}

void RateBucket::give_back(uint64_t bytes) {
    full_at_ns_ -= duration_ns(bytes);
}

std::shared_ptr<RatePair> RateBuckets::own(uint64_t bits_per_second) {
    auto pair = std::make_shared<RatePair>();
    pair->to_server.set_rate(bits_per_second);
    pair->to_client.set_rate(bits_per_second);
    return pair;
}

std::shared_ptr<RatePair> RateBuckets::share(const std::string& key, uint64_t bits_per_second) {
    const std::lock_guard lock(mutex_);
    if (pairs_.size() >= sweep_at_) {
        std::erase_if(pairs_, [](const auto& pair) { return pair.second.expired(); });
        sweep_at_ = std::max<size_t>(64, 2 * pairs_.size());
    }
    std::weak_ptr<RatePair>& place = pairs_[key];
    std::shared_ptr<RatePair> pair = place.lock();
    if (!pair) {
        place = pair = own(bits_per_second);
    }
    pair->to_server.set_rate(bits_per_second);
    pair->to_client.set_rate(bits_per_second);
    return pair;
}

} // namespace pc::inspect
