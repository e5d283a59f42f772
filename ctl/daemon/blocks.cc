// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/blocks.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include <arpa/inet.h>

#include "ctl/daemon/revisions.h"
#include "ctl/protocol/protocol.h"

namespace pc::daemon {
namespace {

using protocol::Json;

constexpr int64_t for_good = std::numeric_limits<int64_t>::max();

pc_block_key key_of(const Prefix& prefix) {
    pc_block_key key{};
    key.prefixlen = 32 + prefix.length;
    key.family = htonl(static_cast<uint32_t>(prefix.address.family));
    std::memcpy(key.addr, prefix.address.bytes.data(), sizeof(key.addr));
    return key;
}

// Never 0, which means for good.
uint64_t deadline_of(int64_t until, const BlockClock& clock) {
    if (until == for_good) {
        return 0;
    }
    const int64_t left = std::max<int64_t>(until - clock.now, 0);
    return clock.jiffies + static_cast<uint64_t>(left) * clock.jiffies_per_second + 1;
}

std::optional<Block> read_block(const Json& object) {
    const auto number = [&](const char* key) {
        const auto found = object.find(key);
        return found != object.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
    };
    const auto text = [&](const char* key) {
        const auto found = object.find(key);
        return found != object.end() && found->is_string() ? found->get<std::string>() : "";
    };
    if (!object.is_object()) {
        return std::nullopt;
    }
    return Block{number("until"), number("since"), text("comment"), text("who")};
}

} // namespace

bool holds(const Prefix& outer, const Prefix& inner) {
    return outer.length <= inner.length && contains(outer, inner.address);
}

Result<void> Blocks::load(const BlockClock& clock) {
    blocks_.clear();
    const auto text = read_text(path_);
    if (!text && text.error().err != ENOENT) {
        return text.error();
    }
    const Json object = text ? Json::parse(text.value(), nullptr, false) : Json::object();
    if (!object.is_object()) {
        return Error{EINVAL, path_ + " is not JSON; remove it to start without blocks"};
    }
    for (const auto& [name, value] : object.items()) {
        const ParsedPrefix parsed = parse_prefix(name);
        const auto block = read_block(value);
        if (parsed.error == PrefixError::none && block &&
            (block->until == 0 || block->until > clock.now)) {
            blocks_[parsed.prefix] = *block;
        }
    }
    std::vector<std::vector<std::byte>> strange;
    TRY(map_.each([&](Bytes key, Bytes) {
        pc_block_key known{};
        std::memcpy(&known, key.data(), std::min(sizeof(known), key.size()));
        Prefix prefix;
        prefix.address.family = ntohl(known.family) == 4 ? Family::v4 : Family::v6;
        std::memcpy(prefix.address.bytes.data(), known.addr, sizeof(known.addr));
        prefix.length = static_cast<uint8_t>(known.prefixlen - 32);
        if (!blocks_.contains(prefix)) {
            strange.emplace_back(key.begin(), key.end());
        }
        return true;
    }));
    for (const auto& key : strange) {
        TRY(map_.remove(key));
    }
    for (const auto& [prefix, block] : blocks_) {
        TRY(write(prefix, clock));
    }
    return {};
}

Result<void> Blocks::add(const Prefix& prefix, const Block& block, const BlockClock& clock) {
    if (!blocks_.contains(prefix) && blocks_.size() >= PC_BLOCKS_MAX) {
        return Error{ENOSPC, "there are " + std::to_string(PC_BLOCKS_MAX) + " blocks already"};
    }
    const auto before = blocks_;
    blocks_[prefix] = block;
    auto result = write(prefix, clock);
    if (result) {
        result = write_inside(prefix, clock);
    }
    if (result) {
        result = save();
    }
    if (!result) {
        blocks_ = before;
        if (!blocks_.contains(prefix)) {
            (void)map_.remove(bytes_of(key_of(prefix))); // ignoring: the first error counts
        }
    }
    return result;
}

Result<uint64_t> Blocks::remove(const Prefix& prefix, const BlockClock& clock) {
    if (!blocks_.contains(prefix)) {
        return Error{ENOENT, to_string(prefix) + " is not blocked"};
    }
    const uint64_t hits = packets(prefix).ok() ? packets(prefix).value() : 0;
    const auto removed = map_.remove(bytes_of(key_of(prefix)));
    if (!removed && removed.error().err != ENOENT) {
        return removed.error();
    }
    blocks_.erase(prefix);
    TRY(write_inside(prefix, clock));
    TRY(save());
    return hits;
}

Result<size_t> Blocks::expire(const BlockClock& clock) {
    std::vector<Prefix> over;
    for (const auto& [prefix, block] : blocks_) {
        if (block.until != 0 && block.until <= clock.now) {
            over.push_back(prefix);
        }
    }
    for (const Prefix& prefix : over) {
        const auto removed = map_.remove(bytes_of(key_of(prefix)));
        if (!removed && removed.error().err != ENOENT) {
            return removed.error();
        }
        blocks_.erase(prefix);
    }
    if (!over.empty()) {
        TRY(save());
    }
    return over.size();
}

Result<uint64_t> Blocks::packets(const Prefix& prefix) const {
    const auto bytes = TRY(map_.get(bytes_of(key_of(prefix))));
    pc_block value{};
    std::memcpy(&value, bytes.data(), std::min(sizeof(value), bytes.size()));
    return value.packets;
}

int64_t Blocks::effective_until(const Prefix& prefix) const {
    int64_t latest = 0;
    Prefix outer = prefix;
    // Every shorter prefix is asked for by name, so this costs as much with 10 as with 65,000
    // blocks.
    for (int length = prefix.length; length >= 0; --length) {
        outer.length = static_cast<uint8_t>(length);
        if (length < prefix.length) {
            outer.address.bytes[static_cast<size_t>(length / 8)] &=
                static_cast<uint8_t>(0xff00U >> (length % 8));
        }
        const auto found = blocks_.find(outer);
        if (found != blocks_.end()) {
            latest = std::max(latest, found->second.until == 0 ? for_good : found->second.until);
        }
    }
    return latest;
}

Result<void> Blocks::write(const Prefix& prefix, const BlockClock& clock) {
    pc_block value{};
    value.deadline_jiffies = deadline_of(effective_until(prefix), clock);
    const auto before = packets(prefix);
    value.packets = before ? before.value() : 0;
    return map_.put(bytes_of(key_of(prefix)), bytes_of(value));
}

// Longer prefixes stand after theirs in the order of Prefix, as long as they are inside.
Result<void> Blocks::write_inside(const Prefix& prefix, const BlockClock& clock) {
    for (auto at = blocks_.upper_bound(prefix);
         at != blocks_.end() && contains(prefix, at->first.address); ++at) {
        TRY(write(at->first, clock));
    }
    return {};
}

Result<void> Blocks::save() const {
    Json object = Json::object();
    for (const auto& [prefix, block] : blocks_) {
        object[to_string(prefix)] = {{"until", block.until},
                                     {"since", block.since},
                                     {"comment", block.comment},
                                     {"who", block.who}};
    }
    return write_file(path_, object.dump(1, ' ', false, Json::error_handler_t::replace) + "\n",
                      0640);
}

} // namespace pc::daemon
