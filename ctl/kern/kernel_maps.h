// SPDX-License-Identifier: GPL-3.0-or-later
// MapStore over bpf(2).
#pragma once

#include <cstdint>

#include "ctl/kern/fd.h"
#include "ctl/kern/map_store.h"

namespace pc {

struct MapShape {
    uint32_t type = 0;
    uint32_t id = 0;
    uint32_t key_size = 0;
    uint32_t value_size = 0;
    uint32_t max_entries = 0;
    uint32_t flags = 0;
};

[[nodiscard]] Result<MapShape> shape_of_map(int fd);

// A small mmapable array is written through its mapping, and of a value only the 32-bit words that
// differ are stored, each by one store: so one word can be changed at once for all CPUs.
class KernelMap final : public MapStore {
public:
    [[nodiscard]] static Result<std::unique_ptr<KernelMap>> over(Fd fd, std::string name);
    ~KernelMap() override;
    KernelMap(const KernelMap&) = delete;
    KernelMap& operator=(const KernelMap&) = delete;
    KernelMap(KernelMap&&) = delete;
    KernelMap& operator=(KernelMap&&) = delete;

    [[nodiscard]] Result<std::vector<std::byte>> get(Bytes key) const override;
    [[nodiscard]] Result<void> put(Bytes key, Bytes value) override;
    [[nodiscard]] Result<void> remove(Bytes key) override;
    [[nodiscard]] Result<void>
    each(const std::function<bool(Bytes key, Bytes value)>& visit) const override;
    [[nodiscard]] Result<void> put_batch(Bytes keys, Bytes values, size_t count) override;

    [[nodiscard]] int fd() const { return fd_.get(); }

    [[nodiscard]] const MapShape& shape() const { return shape_; }

    // All values of an mmapable array, each 8-aligned; shared with the kernel for as long as this
    // object lives.
    [[nodiscard]] Result<std::span<std::byte>> memory();

private:
    KernelMap(Fd fd, std::string name, MapShape shape);

    [[nodiscard]] Result<void> check_sizes(size_t key, size_t value) const;
    [[nodiscard]] Result<void> put_each(Bytes keys, Bytes values, size_t count);
    void put_words(uint32_t index, Bytes value);

    Fd fd_;
    std::string name_;
    MapShape shape_;
    size_t value_bytes_ = 0; // as userspace sees it: of all CPUs for a per-CPU map
    void* mapping_ = nullptr;
    size_t mapping_size_ = 0;
};

} // namespace pc
