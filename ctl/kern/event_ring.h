// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the ring buffer `events`.
#pragma once

#include <functional>
#include <memory>

#include "rules/abi.h"
#include "rules/result.h"

struct ring_buffer;

namespace pc {

class EventRing {
public:
    // `take` is called for each event by consume(); it must not throw.
    [[nodiscard]] static Result<EventRing> open(int map_fd,
                                                std::function<void(const pc_event&)> take);

    // Readable when there are events.
    [[nodiscard]] int fd() const;
    void consume();

private:
    struct Free {
        void operator()(ring_buffer* ring) const;
    };

    EventRing() = default;
    static int receive(void* context, void* bytes, size_t size) noexcept;

    // On the heap, because the C library keeps its address.
    std::unique_ptr<std::function<void(const pc_event&)>> take_;
    std::unique_ptr<ring_buffer, Free> ring_;
};

} // namespace pc
