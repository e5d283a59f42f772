// SPDX-License-Identifier: GPL-3.0-or-later
// A map in memory in the place of one in the kernel. Maps that share Faults can be told to fail at
// the n-th operation of all of them together.
#pragma once

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>

#include "ctl/kern/map_store.h"

namespace pc::test {

// Shared by the maps of one test.
struct Faults {
    size_t operations = 0;
    size_t fail_at = 0; // 0: never; n: the n-th operation from now fails

    [[nodiscard]] bool fails() { return ++operations == fail_at; }

    void start(size_t n) {
        operations = 0;
        fail_at = n;
    }
};

class MemoryMap final : public MapStore {
public:
    // entries 0: a hash or trie; else an array, of which every entry exists.
    MemoryMap(Faults& faults, size_t value_size, uint32_t entries)
        : faults_(&faults), value_size_(value_size), entries_(entries) {}

    [[nodiscard]] Result<std::vector<std::byte>> get(Bytes key) const override {
        if (faults_->fails()) {
            return Error{EIO, "made to fail"};
        }
        return peek(key);
    }

    [[nodiscard]] Result<void> put(Bytes key, Bytes value) override {
        if (faults_->fails()) {
            return Error{EIO, "made to fail"};
        }
        return store(key, value);
    }

    [[nodiscard]] Result<void> remove(Bytes key) override {
        if (faults_->fails()) {
            return Error{EIO, "made to fail"};
        }
        if (values_.erase(copy(key)) == 0) {
            return Error{ENOENT, "no such key"};
        }
        return {};
    }

    [[nodiscard]] Result<void>
    each(const std::function<bool(Bytes key, Bytes value)>& visit) const override {
        for (const auto& [key, value] : values_) {
            if (!visit(key, value)) {
                break;
            }
        }
        return {};
    }

    [[nodiscard]] Result<void> put_batch(Bytes keys, Bytes values, size_t count) override {
        if (faults_->fails()) {
            return Error{EIO, "made to fail"};
        }
        const size_t key_size = keys.size() / count;
        for (size_t i = 0; i < count; ++i) {
            TRY(store(keys.subspan(i * key_size, key_size),
                      values.subspan(i * value_size_, value_size_)));
        }
        return {};
    }

    // For the test itself: never fails by Faults, and does not count.
    [[nodiscard]] Result<std::vector<std::byte>> peek(Bytes key) const {
        const auto found = values_.find(copy(key));
        if (found != values_.end()) {
            return found->second;
        }
        if (entries_ == 0) {
            return Error{ENOENT, "no such key"};
        }
        return std::vector<std::byte>(value_size_);
    }

    [[nodiscard]] const std::map<std::vector<std::byte>, std::vector<std::byte>>& values() const {
        return values_;
    }

private:
    static std::vector<std::byte> copy(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

    Result<void> store(Bytes key, Bytes value) {
        uint32_t index = 0;
        if (value.size() != value_size_) {
            return Error{EINVAL, "wrong value size"};
        }
        if (entries_ != 0) {
            std::memcpy(&index, key.data(), sizeof(index));
            if (key.size() != sizeof(index) || index >= entries_) {
                return Error{E2BIG, "no such entry"};
            }
        }
        values_[copy(key)] = copy(value);
        return {};
    }

    Faults* faults_;
    size_t value_size_;
    uint32_t entries_;
    std::map<std::vector<std::byte>, std::vector<std::byte>> values_;
};

} // namespace pc::test
