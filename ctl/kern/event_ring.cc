// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/kern/event_ring.h"

#include <cerrno>
#include <cstring>

#include <bpf/libbpf.h>

#include "ctl/kern/libbpf_log.h"

namespace pc {

void EventRing::Free::operator()(ring_buffer* ring) const {
    ring_buffer__free(ring);
}

Result<EventRing> EventRing::open(int map_fd, std::function<void(const pc_event&)> take) {
    EventRing events;
    events.take_ = std::make_unique<std::function<void(const pc_event&)>>(std::move(take));
    events.ring_.reset(ring_buffer__new(map_fd, receive, events.take_.get(), nullptr));
    if (!events.ring_) {
        return library_error(-errno, "open the ring buffer of events");
    }
    return events;
}

int EventRing::fd() const {
    return ring_buffer__epoll_fd(ring_.get());
}

void EventRing::consume() {
    (void)ring_buffer__consume(ring_.get()); // ignoring: receive() never fails
}

int EventRing::receive(void* context, void* bytes, size_t size) noexcept {
    pc_event event{};
    if (size >= sizeof(event)) {
        std::memcpy(&event, bytes, sizeof(event));
        (*static_cast<std::function<void(const pc_event&)>*>(context))(event);
    }
    return 0;
}

} // namespace pc
