// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/server.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-event.h>

namespace pc::daemon {
namespace {

using protocol::Json;

constexpr size_t clients_max = 64;
constexpr size_t chunk = 65536;
// Of all clients together: a few may each send a large configuration.
constexpr size_t unread_max = size_t{128} << 20;

Error failed(std::string_view verb, const std::string& path) {
    const int err = errno;
    return Error{err, std::string(verb) + " " + path + ": " + std::strerror(err)};
}

Result<Fd> listen_at(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) {
        return Error{ENAMETOOLONG, "the path of the control socket is too long: " + path};
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (probe.valid() && connect(probe.get(), generic, sizeof(address)) == 0) {
        return Error{EADDRINUSE, "another portcullisd answers at " + path};
    }
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    (void)unlink(path.c_str()); // ignoring: mostly not there; bind() says what is wrong
    // The mode is right from the first moment on.
    const mode_t mask = umask(0117);
    const int bound = fd.valid() ? bind(fd.get(), generic, sizeof(address)) : -1;
    const int err = errno;
    (void)umask(mask);
    errno = err;
    if (bound != 0 || listen(fd.get(), SOMAXCONN) != 0) {
        return failed("listen at", path);
    }
    return fd;
}

} // namespace

Result<std::unique_ptr<Server>> Server::open(sd_event* event, const std::string& path,
                                             Hooks hooks) {
    std::unique_ptr<Server> server(new Server(sd_event_ref(event), std::move(hooks)));
    server->listener_ = TRY(listen_at(path));
    const int result = sd_event_add_io(event, &server->source_, server->listener_.get(), EPOLLIN,
                                       on_connection, server.get());
    if (result < 0) {
        return Error{-result, std::string("watch the control socket: ") + std::strerror(-result)};
    }
    return server;
}

Server::~Server() {
    for (Client& client : clients_) {
        sd_event_source_disable_unref(client.source);
    }
    sd_event_source_disable_unref(source_);
    sd_event_unref(event_);
}

int Server::on_connection(sd_event_source*, int fd, uint32_t, void* server) noexcept {
    static_cast<Server*>(server)->accept_client(fd);
    return 0;
}

void Server::accept_client(int listener) {
    Fd fd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.valid()) {
        return; // gone again
    }
    if (clients_.size() >= clients_max) {
        const std::string refusal =
            protocol::frame(protocol::make_error("Failed", "too many connections"));
        // ignoring: whoever cannot read it sees the end of the connection
        (void)send(fd.get(), refusal.data(), refusal.size(), MSG_NOSIGNAL);
        return;
    }
    Client& client = clients_.emplace_back();
    client.server = this;
    client.id = ++last_id_;
    client.fd = std::move(fd);
    const int result =
        sd_event_add_io(event_, &client.source, client.fd.get(), EPOLLIN, on_client, &client);
    if (result < 0) {
        clients_.pop_back();
    }
}

int Server::on_client(sd_event_source*, int, uint32_t events, void* client) noexcept {
    Client& self = *static_cast<Client*>(client);
    Server& server = *self.server;
    bool alive = true;
    if ((events & EPOLLOUT) != 0) {
        alive = server.write_to(self);
    }
    if (alive && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        alive = server.read_from(self);
    }
    if (alive) {
        server.answer_messages(self);
        alive = server.write_to(self);
    }
    if (alive) {
        server.wait_for(self);
    } else {
        server.drop(self);
    }
    return 0;
}

// False: the connection is over.
bool Server::read_from(Client& client) {
    std::string bytes(chunk, '\0');
    const ssize_t size = recv(client.fd.get(), bytes.data(), bytes.size(), 0);
    if (size < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    if (size == 0) {
        return false;
    }
    client.unread += static_cast<size_t>(size);
    size_t all = 0;
    for (const Client& each : clients_) {
        all += each.unread;
    }
    return client.framer.add(std::string_view(bytes.data(), static_cast<size_t>(size))) &&
           all <= unread_max;
}

// The next question waits until the last answer has been taken.
void Server::answer_messages(Client& client) {
    while (client.output.empty() && !client.ends && !client.waits) {
        const auto message = client.framer.next();
        if (!message) {
            break;
        }
        client.unread -= std::min(client.unread, message->size() + 1);
        answer_one(client, *message);
        if (!write_to(client)) {
            client.ends = true;
        }
    }
}

void Server::answer_one(Client& client, const std::string& message) {
    const auto request = protocol::parse_request(message);
    if (!request) {
        client.output += protocol::frame(protocol::make_error("Usage", request.error().message));
        client.ends = true; // what follows cannot be trusted to be framed
        return;
    }
    if (request.value().method == "WatchInspect") {
        watch(client, request.value());
        return;
    }
    if (request.value().method == "MonitorInspect") {
        begin_monitor(client);
        return;
    }
    if (request.value().method == "InspectorSays" && client.is_inspector) {
        hooks_.heard(request.value().parameters);
        return;
    }
    Tell tell;
    if (request.value().more) {
        tell = [this, &client](const Json& progress) { this->tell(client, progress); };
    }
    client.waits = true; // so that what asks somebody else at once finds it so
    const Json answer = hooks_.answer(request.value(), {client.id, tell});
    if (!answer.is_null()) {
        client.waits = false;
        client.output += protocol::frame(answer);
    }
}

void Server::tell(Client& client, const Json& progress) {
    // ignoring: whether the connection is over is seen when the answer is written
    (void)write_to(client);
    if (client.output.empty()) {
        client.output =
            protocol::frame(Json{{"parameters", {{"progress", progress}}}, {"continues", true}});
        (void)write_to(client); // ignoring: as above
    }
}

// False: the connection is over.
bool Server::write_to(Client& client) {
    while (client.written < client.output.size()) {
        const ssize_t size = send(client.fd.get(), client.output.data() + client.written,
                                  client.output.size() - client.written, MSG_NOSIGNAL);
        if (size < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        client.written += static_cast<size_t>(size);
    }
    client.output.clear();
    client.written = 0;
    return !client.ends;
}

void Server::wait_for(Client& client) {
    const uint32_t events = client.output.empty() ? EPOLLIN : EPOLLOUT;
    // ignoring: fails only for a source that is gone
    (void)sd_event_source_set_io_events(client.source, events);
}

void Server::drop(Client& client) {
    const bool was_inspector = client.is_inspector;
    const bool was_monitor = client.is_monitor;
    sd_event_source_disable_unref(client.source);
    clients_.remove_if([&client](const Client& each) { return &each == &client; });
    if (was_monitor) {
        hooks_.monitors_changed(monitors());
    }
    if (was_inspector && std::none_of(clients_.begin(), clients_.end(),
                                      [](const Client& each) { return each.is_inspector; })) {
        hooks_.inspector_gone();
    }
}

} // namespace pc::daemon
