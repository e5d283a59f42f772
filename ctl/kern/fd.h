// SPDX-License-Identifier: GPL-3.0-or-later
// Owns a file descriptor. get() lends, release() gives away.
#pragma once

#include <utility>

#include <unistd.h>

namespace pc {

class Fd {
public:
    Fd() = default;

    explicit Fd(int fd) : fd_(fd) {}

    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset(std::exchange(other.fd_, -1));
        }
        return *this;
    }

    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;

    ~Fd() { reset(); }

    [[nodiscard]] int get() const { return fd_; }

    [[nodiscard]] bool valid() const { return fd_ >= 0; }

    [[nodiscard]] int release() { return std::exchange(fd_, -1); }

    void reset(int fd = -1) {
        if (fd_ >= 0) {
            (void)close(fd_); // ignoring: nothing can be done about a failed close
        }
        fd_ = fd;
    }

private:
    int fd_ = -1;
};

} // namespace pc
