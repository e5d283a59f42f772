// SPDX-License-Identifier: GPL-3.0-or-later
// The narrow interface to one BPF map: what userspace does with a map, in five methods, so that
// tests can put a map in memory in its place. Keys and values are bytes laid out as in rules/abi.h;
// for a per-CPU map the value is one 8-byte-aligned value per possible CPU.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rules/result.h"

namespace pc {

using Bytes = std::span<const std::byte>;

class MapStore {
public:
    virtual ~MapStore() = default;

    // ENOENT in Error::err when there is no such key.
    [[nodiscard]] virtual Result<std::vector<std::byte>> get(Bytes key) const = 0;
    [[nodiscard]] virtual Result<void> put(Bytes key, Bytes value) = 0;
    [[nodiscard]] virtual Result<void> remove(Bytes key) = 0;

    // Until `visit` returns false.
    [[nodiscard]] virtual Result<void>
    each(const std::function<bool(Bytes key, Bytes value)>& visit) const = 0;

    // All keys, then all values, back to back, in the same order.
    [[nodiscard]] virtual Result<void> put_batch(Bytes keys, Bytes values, size_t count) = 0;
};

// Opens the map pinned at `path` (BPF_OBJ_GET). The handle is released with the object; the map and
// its pin stay.
[[nodiscard]] Result<std::unique_ptr<MapStore>> open_pinned_map(const std::string& path);

// The bytes of a trivially copyable value.
template <typename T>
[[nodiscard]] Bytes bytes_of(const T& value) {
    return std::as_bytes(std::span<const T, 1>(&value, 1));
}

} // namespace pc
