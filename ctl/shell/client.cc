// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/client.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace pc::shell {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int listen_turn_ms = 500;

class Socket {
public:
    explicit Socket(int fd) : fd_(fd) {}

    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    Socket(Socket&&) = delete;
    Socket& operator=(Socket&&) = delete;

    ~Socket() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }

    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_ = -1;
};

Answer unreachable(const std::string& path, std::string_view why) {
    Answer answer;
    answer.error = "Unreachable";
    answer.parameters["message"] =
        "the daemon does not answer at " + path + ": " + std::string(why);
    return answer;
}

// 0, or the errno.
int wait_for(int fd, short events, Clock::time_point deadline) {
    while (true) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) {
            return ETIMEDOUT;
        }
        pollfd slot{fd, events, 0};
        const int ready = ::poll(&slot, 1, static_cast<int>(left.count()));
        if (ready > 0) {
            return 0;
        }
        if (ready < 0 && errno != EINTR) {
            return errno;
        }
    }
}

int send_all(int fd, std::string_view bytes, Clock::time_point deadline) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes.remove_prefix(static_cast<size_t>(sent));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (const int err = wait_for(fd, POLLOUT, deadline)) {
                return err;
            }
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

std::optional<std::string> receive(int fd, protocol::Framer& framer, Clock::time_point deadline,
                                   int& err) {
    std::array<char, 65536> bytes{};
    while (true) {
        if (std::optional<std::string> message = framer.next()) {
            return message;
        }
        err = wait_for(fd, POLLIN, deadline);
        if (err != 0) {
            return std::nullopt;
        }
        const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (got == 0) {
            err = ECONNRESET;
            return std::nullopt;
        }
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            err = errno;
            return std::nullopt;
        }
        if (got > 0 && !framer.add({bytes.data(), static_cast<size_t>(got)})) {
            err = EMSGSIZE;
            return std::nullopt;
        }
    }
}

Answer answer_of(const std::string& path, const Json& message) {
    if (!message.is_object()) {
        return unreachable(path, "its answer is no JSON object");
    }
    Answer answer;
    answer.error = text_at(message, "error");
    if (answer.error.starts_with(protocol::method_prefix)) {
        answer.error.erase(0, protocol::method_prefix.size());
    }
    if (at(message, "parameters").is_object()) {
        answer.parameters = message["parameters"];
    }
    return answer;
}

// Answers until the last one.
Answer hear(int fd, const std::string& path, std::chrono::seconds time_out,
            const Client::Progress& progress) {
    protocol::Framer framer;
    while (true) {
        int err = 0;
        const auto text = receive(fd, framer, Clock::now() + time_out, err);
        if (!text) {
            return unreachable(path, std::strerror(err));
        }
        const Json message = Json::parse(*text, nullptr, false);
        if (!progress || !flag_at(message, "continues")) {
            return answer_of(path, message);
        }
        progress(at(at(message, "parameters"), "progress"));
    }
}

} // namespace

std::string Answer::message() const {
    return text_at(parameters, "message", error);
}

int Answer::exit_code() const {
    return ok() ? 0 : protocol::exit_code(error);
}

// A socket, or the negative errno.
int Client::connect_to() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof(address.sun_path)) {
        return -ENAMETOOLONG;
    }
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        const int err = errno;
        ::close(fd);
        return -err;
    }
    return fd;
}

Answer Client::call(std::string_view method, const Json& parameters, std::chrono::seconds time_out,
                    const Progress& progress) const {
    const Socket socket(connect_to());
    if (socket.get() < 0) {
        return unreachable(path_, std::strerror(-socket.get()));
    }
    Json request{{"method", std::string(protocol::method_prefix) + std::string(method)},
                 {"parameters", parameters}};
    if (progress) {
        request["more"] = true;
    }
    const int err = send_all(socket.get(), protocol::frame(request), Clock::now() + time_out);
    // What it refused to read it may still have answered.
    if (err != 0 && err != EPIPE && err != ECONNRESET) {
        return unreachable(path_, std::strerror(err));
    }
    return hear(socket.get(), path_, time_out, progress);
}

Answer Client::listen(std::string_view method, const Hear& hear) const {
    const Socket socket(connect_to());
    if (socket.get() < 0) {
        return unreachable(path_, std::strerror(-socket.get()));
    }
    const Json request{{"method", std::string(protocol::method_prefix) + std::string(method)},
                       {"more", true}};
    if (const int err = send_all(socket.get(), protocol::frame(request),
                                 Clock::now() + std::chrono::seconds(10))) {
        return unreachable(path_, std::strerror(err));
    }
    protocol::Framer framer;
    std::array<char, 65536> bytes{};
    while (true) {
        while (const std::optional<std::string> text = framer.next()) {
            const Json message = Json::parse(*text, nullptr, false);
            if (!flag_at(message, "continues")) {
                return answer_of(path_, message);
            }
            if (!hear(at(message, "parameters"))) {
                return {};
            }
        }
        if (!hear(Json())) {
            return {};
        }
        pollfd slot{socket.get(), POLLIN, 0};
        if (::poll(&slot, 1, listen_turn_ms) <= 0) {
            continue; // a signal, or it is time to ask whether there was one
        }
        const ssize_t got = ::recv(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (got <= 0) {
            return unreachable(path_, std::strerror(got == 0 ? ECONNRESET : errno));
        }
        if (!framer.add({bytes.data(), static_cast<size_t>(got)})) {
            return unreachable(path_, std::strerror(EMSGSIZE));
        }
    }
}

const Json& at(const Json& object, std::string_view key) {
    static const Json none;
    if (!object.is_object()) {
        return none;
    }
    const auto found = object.find(key);
    return found == object.end() ? none : *found;
}

std::string text_at(const Json& object, std::string_view key, std::string_view fallback) {
    const Json& value = at(object, key);
    return value.is_string() ? value.get<std::string>() : std::string(fallback);
}

uint64_t number_at(const Json& object, std::string_view key, uint64_t fallback) {
    const Json& value = at(object, key);
    if (value.is_number_float()) {
        const double real = value.get<double>();
        return real >= 0 && real < 1.8e19 ? static_cast<uint64_t>(real) : fallback;
    }
    return value.is_number_unsigned() || (value.is_number_integer() && value.get<int64_t>() >= 0)
               ? value.get<uint64_t>()
               : fallback;
}

bool flag_at(const Json& object, std::string_view key) {
    const Json& value = at(object, key);
    return value.is_boolean() && value.get<bool>();
}

bool is_number_at(const Json& object, std::string_view key) {
    return at(object, key).is_number();
}

double real_at(const Json& object, std::string_view key, double fallback) {
    const Json& value = at(object, key);
    return value.is_number() ? value.get<double>() : fallback;
}

} // namespace pc::shell
