// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/kern/kernel_maps.h"

#include <atomic>
#include <cerrno>
#include <cstring>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>

namespace pc {
namespace {

constexpr size_t mapping_max = 4096;
constexpr size_t batch_max = 65536;
constexpr int not_supported_by_map = 524; // the kernel's ENOTSUPP, which <errno.h> does not know

size_t round_up_8(size_t size) {
    return (size + 7) & ~size_t{7};
}

bool is_per_cpu(uint32_t type) {
    return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH ||
           type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

bool is_map_of_maps(uint32_t type) {
    return type == BPF_MAP_TYPE_ARRAY_OF_MAPS || type == BPF_MAP_TYPE_HASH_OF_MAPS;
}

Error failed(int result, std::string_view verb, const std::string& name) {
    const int err = result < -1 ? -result : errno;
    return Error{err, std::string(verb) + " map " + name + ": " + std::strerror(err)};
}

} // namespace

Result<MapShape> shape_of_map(int fd) {
    bpf_map_info info{};
    uint32_t size = sizeof(info);
    const int result = bpf_obj_get_info_by_fd(fd, &info, &size);
    if (result != 0) {
        return failed(result, "describe", "");
    }
    return MapShape{info.type,       info.id,          info.key_size,
                    info.value_size, info.max_entries, info.map_flags};
}

Result<std::unique_ptr<KernelMap>> KernelMap::over(Fd fd, std::string name) {
    const MapShape shape = TRY(shape_of_map(fd.get()));
    return std::unique_ptr<KernelMap>(new KernelMap(std::move(fd), std::move(name), shape));
}

KernelMap::KernelMap(Fd fd, std::string name, MapShape shape)
    : fd_(std::move(fd)), name_(std::move(name)), shape_(shape), value_bytes_(shape.value_size) {
    if (is_per_cpu(shape_.type)) {
        const int cpus = libbpf_num_possible_cpus();
        value_bytes_ = round_up_8(shape_.value_size) * static_cast<size_t>(std::max(cpus, 1));
    }
    const size_t size = round_up_8(shape_.value_size) * shape_.max_entries;
    if ((shape_.flags & BPF_F_MMAPABLE) != 0 && size <= mapping_max && shape_.value_size % 4 == 0) {
        void* mapping =
            mmap(nullptr, mapping_max, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
        if (mapping != MAP_FAILED) {
            mapping_ = mapping;
            mapping_size_ = mapping_max;
        }
    }
}

KernelMap::~KernelMap() {
    if (mapping_ != nullptr) {
        (void)munmap(mapping_, mapping_size_); // ignoring: the handle goes away anyhow
    }
}

Result<std::span<std::byte>> KernelMap::memory() {
    const size_t size = round_up_8(shape_.value_size) * shape_.max_entries;
    if (mapping_ == nullptr) {
        const size_t pages = (size + mapping_max - 1) / mapping_max * mapping_max;
        void* mapping = mmap(nullptr, pages, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
        if (mapping == MAP_FAILED) {
            return failed(-errno, "map the memory of", name_);
        }
        mapping_ = mapping;
        mapping_size_ = pages;
    }
    return std::span(static_cast<std::byte*>(mapping_), size);
}

Result<void> KernelMap::check_sizes(size_t key, size_t value) const {
    if (key != shape_.key_size || value != value_bytes_) {
        return Error{EINVAL, "map " + name_ + ": wrong key or value size"};
    }
    return {};
}

Result<std::vector<std::byte>> KernelMap::get(Bytes key) const {
    TRY(check_sizes(key.size(), value_bytes_));
    std::vector<std::byte> value(value_bytes_);
    const int result = bpf_map_lookup_elem(fd_.get(), key.data(), value.data());
    if (result != 0) {
        return failed(result, "read", name_);
    }
    return value;
}

Result<void> KernelMap::put(Bytes key, Bytes value) {
    TRY(check_sizes(key.size(), value.size()));
    if (mapping_ != nullptr) {
        uint32_t index = 0;
        std::memcpy(&index, key.data(), sizeof(index));
        if (index >= shape_.max_entries) {
            return Error{E2BIG, "write map " + name_ + ": no such entry"};
        }
        put_words(index, value);
        return {};
    }
    const int result = bpf_map_update_elem(fd_.get(), key.data(), value.data(), BPF_ANY);
    if (result != 0) {
        return failed(result, "write", name_);
    }
    return {};
}

void KernelMap::put_words(uint32_t index, Bytes value) {
    auto* words = static_cast<uint32_t*>(mapping_) +
                  size_t{index} * round_up_8(shape_.value_size) / sizeof(uint32_t);
    for (size_t i = 0; i < value.size() / sizeof(uint32_t); ++i) {
        uint32_t word = 0;
        std::memcpy(&word, value.data() + i * sizeof(word), sizeof(word));
        std::atomic_ref<uint32_t> in_map(words[i]);
        if (in_map.load(std::memory_order_relaxed) != word) {
            in_map.store(word, std::memory_order_seq_cst);
        }
    }
}

Result<void> KernelMap::remove(Bytes key) {
    TRY(check_sizes(key.size(), value_bytes_));
    const int result = bpf_map_delete_elem(fd_.get(), key.data());
    if (result != 0) {
        return failed(result, "remove from", name_);
    }
    return {};
}

Result<void> KernelMap::each(const std::function<bool(Bytes, Bytes)>& visit) const {
    std::vector<std::byte> key(shape_.key_size);
    std::vector<std::byte> next(shape_.key_size);
    const void* previous = nullptr;
    for (;;) {
        const int result = bpf_map_get_next_key(fd_.get(), previous, next.data());
        if (result == -ENOENT) {
            return {};
        }
        if (result != 0) {
            return failed(result, "walk", name_);
        }
        key.swap(next);
        previous = key.data();
        const auto value = get(key);
        if (!value && value.error().err == ENOENT) {
            continue; // removed meanwhile
        }
        if (!value) {
            return value.error();
        }
        if (!visit(key, value.value())) {
            return {};
        }
    }
}

Result<void> KernelMap::put_batch(Bytes keys, Bytes values, size_t count) {
    if (keys.size() != count * shape_.key_size || values.size() != count * value_bytes_) {
        return Error{EINVAL, "map " + name_ + ": wrong key or value size"};
    }
    if (mapping_ != nullptr || is_map_of_maps(shape_.type)) {
        return put_each(keys, values, count);
    }
    for (size_t done = 0; done < count;) {
        uint32_t chunk = static_cast<uint32_t>(std::min(count - done, batch_max));
        const size_t asked = chunk;
        const Bytes chunk_keys = keys.subspan(done * shape_.key_size, asked * shape_.key_size);
        const Bytes chunk_values = values.subspan(done * value_bytes_, asked * value_bytes_);
        const int result = bpf_map_update_batch(fd_.get(), chunk_keys.data(), chunk_values.data(),
                                                &chunk, nullptr);
        if (result == -EINVAL || result == -not_supported_by_map || result == -EOPNOTSUPP) {
            TRY(put_each(chunk_keys, chunk_values, asked));
        } else if (result != 0) {
            return failed(result, "write", name_);
        }
        done += asked;
    }
    return {};
}

Result<void> KernelMap::put_each(Bytes keys, Bytes values, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        TRY(put(keys.subspan(i * shape_.key_size, shape_.key_size),
                values.subspan(i * value_bytes_, value_bytes_)));
    }
    return {};
}

Result<std::unique_ptr<MapStore>> open_pinned_map(const std::string& path) {
    Fd fd(bpf_obj_get(path.c_str()));
    if (!fd.valid()) {
        const int err = errno;
        return Error{err, "open pinned map " + path + ": " + std::strerror(err)};
    }
    const std::string name = path.substr(path.rfind('/') + 1);
    std::unique_ptr<MapStore> map = TRY(KernelMap::over(std::move(fd), name));
    return map;
}

} // namespace pc
