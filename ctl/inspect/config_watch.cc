// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/config_watch.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "ctl/inspect/socket_address.h"

namespace pc::inspect {

namespace {

constexpr uint64_t first_delay_ms = 100;
constexpr uint64_t delay_max_ms = 5000;
constexpr size_t question_max = 65536;
constexpr size_t questions_max = 256; // between two looks at them
// What a daemon that does not read is told no more than.
constexpr size_t output_max = size_t{4} << 20;

} // namespace

void ConfigWatch::tick(uint64_t now_ms) {
    if (fd_.valid() || now_ms < retry_at_ms_) {
        return;
    }
    if (const Result<void> connected = connect_now(); !connected) {
        give_up(connected.error().message, now_ms);
    }
}

Result<void> ConfigWatch::connect_now() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof(address.sun_path)) {
        return Error{ENAMETOOLONG, fmt::format("{}: the path is too long for a socket", path_)};
    }
    memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    if (!loads_) {
        TRY(loader_.start());
        loads_ = true;
        TRY(poller_->add(loader_.fd(), EPOLLIN, {Source::control, 1, 0}));
    }
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.valid()) {
        return failed("create a socket");
    }
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return failed("connect to " + path_);
    }
    const std::string request =
        protocol::frame({{"method", std::string(protocol::method_prefix) + "WatchInspect"},
                         {"parameters", {{"answers", true}}},
                         {"more", true}});
    const ssize_t sent = send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
    if (sent < 0 || static_cast<size_t>(sent) != request.size()) {
        return failed("send to " + path_);
    }
    TRY(poller_->add(fd.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP,
                     {Source::control, 0, ++connection_}));
    fd_ = std::move(fd);
    framer_ = {};
    output_.clear();
    asked_.clear();
    return {};
}

std::optional<Config> ConfigWatch::receive(uint64_t now_ms) {
    read_messages(now_ms);
    std::optional<Result<Config>> made = loader_.take();
    if (!made) {
        return std::nullopt;
    }
    if (!*made) {
        give_up(made->error().message, now_ms);
        return std::nullopt;
    }
    in_trouble_ = false;
    delay_ms_ = 0;
    return made->take();
}

void ConfigWatch::read_messages(uint64_t now_ms) {
    std::array<char, 65536> buffer;
    while (fd_.valid()) {
        const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && errno == EAGAIN) {
            break;
        }
        if (got <= 0) {
            give_up(got == 0 ? "the daemon has closed the connection" : failed("recv").message,
                    now_ms);
            break;
        }
        if (!framer_.add({buffer.data(), static_cast<size_t>(got)})) {
            give_up("the daemon sent too long a message", now_ms);
            break;
        }
        while (std::optional<std::string> message = framer_.next()) {
            if (!take_question(*message)) {
                loader_.load(*std::move(message));
            }
        }
    }
    send_output();
}

// False: it is a configuration, which may be large, and is parsed elsewhere.
bool ConfigWatch::take_question(const std::string& message) {
    if (message.size() > question_max || message.find("\"ask\"") == std::string::npos) {
        return false;
    }
    const auto json = protocol::Json::parse(message, nullptr, /*allow_exceptions=*/false);
    const auto parameters = json.find("parameters");
    if (parameters == json.end() || parameters->size() != 1 || !parameters->contains("ask")) {
        return false;
    }
    if (asked_.size() < questions_max) {
        asked_.push_back((*parameters)["ask"]);
    }
    return true;
}

bool ConfigWatch::say(const protocol::Json& parameters) {
    if (!fd_.valid() || output_.size() > output_max) {
        return false;
    }
    output_ += protocol::frame({{"method", std::string(protocol::method_prefix) + "InspectorSays"},
                                {"parameters", parameters},
                                {"oneway", true}});
    send_output();
    return true;
}

void ConfigWatch::send_output() {
    size_t sent = 0;
    while (fd_.valid() && sent < output_.size()) {
        const ssize_t size =
            send(fd_.get(), output_.data() + sent, output_.size() - sent, MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            break; // what is wrong, if anything is, recv() says
        }
        sent += static_cast<size_t>(size);
    }
    output_.erase(0, sent);
}

void ConfigWatch::give_up(std::string why, uint64_t now_ms) {
    fd_.reset();
    delay_ms_ = std::clamp(delay_ms_ * 2, first_delay_ms, delay_max_ms);
    retry_at_ms_ = now_ms + delay_ms_;
    if (!in_trouble_) {
        in_trouble_ = true;
        complaint_ = fmt::format("{}; the last configuration stays", why);
    }
}

std::string ConfigWatch::take_complaint() {
    return std::exchange(complaint_, {});
}

} // namespace pc::inspect
