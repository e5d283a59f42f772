// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/poller.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace pc::inspect {

namespace {

uint64_t packed(Token token) {
    return (static_cast<uint64_t>(token.source) << 56) |
           (static_cast<uint64_t>(token.index) << 32) | token.generation;
}

Token unpacked(uint64_t word) {
    return {static_cast<Source>(word >> 56), static_cast<uint32_t>(word >> 32) & 0xffffff,
            static_cast<uint32_t>(word)};
}

} // namespace

Result<Poller> Poller::create() {
    Poller poller;
    poller.fd_.reset(epoll_create1(EPOLL_CLOEXEC));
    if (!poller.fd_.valid()) {
        const int err = errno;
        return Error{err, fmt::format("create epoll: {}", strerror(err))};
    }
    return poller;
}

Result<void> Poller::add(int fd, uint32_t events, Token token) {
    epoll_event event{};
    event.events = events | EPOLLET;
    event.data.u64 = packed(token);
    if (epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        const int err = errno;
        return Error{err, fmt::format("add to epoll: {}", strerror(err))};
    }
    return {};
}

std::span<const Ready> Poller::wait(int timeout_ms) {
    const int count =
        epoll_wait(fd_.get(), events_.data(), static_cast<int>(events_.size()), timeout_ms);
    if (count <= 0) {
        return {}; // EINTR is an empty turn; no other error is possible with valid arguments
    }
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
        ready_[i] = {unpacked(events_[i].data.u64), events_[i].events};
    }
    return std::span<const Ready>(ready_).first(static_cast<size_t>(count));
}

} // namespace pc::inspect
