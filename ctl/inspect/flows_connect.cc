// SPDX-License-Identifier: GPL-3.0-or-later
// The connection onward of a flow: to its original destination, or to one of several servers, where
// one that does not take it is followed by the next. Nothing of the client has been read by then,
// so nothing is lost.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <sys/socket.h>

#include "ctl/inspect/flows.h"
#include "ctl/inspect/proxy_header.h"
#include "ctl/inspect/random.h"

namespace pc::inspect {

namespace {

constexpr uint32_t stream_events = EPOLLIN | EPOLLOUT | EPOLLRDHUP;

// Whether the trouble may be the server's, not for want of something on this side.
bool is_of_server(int err) {
    return err == ECONNREFUSED || err == ECONNRESET || err == ETIMEDOUT || err == EHOSTUNREACH ||
           err == ENETUNREACH || err == EHOSTDOWN || err == ENETDOWN;
}

// A socket whose connection has just been made takes so few bytes at once.
bool send_header(int fd, const Origin& origin) {
    const std::vector<std::byte> header = proxy_header(origin.client, origin.server);
    const ssize_t sent = send(fd, header.data(), header.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent >= 0 && static_cast<size_t>(sent) == header.size();
}

} // namespace

void Flows::connect(Flow& flow) {
    if (!flow.counted_allowed) {
        flow.counted_allowed = true;
        ++needs_.counters.of(flow.origin.inspect).allowed;
    }
    const InspectConfig* inspect = settings(flow);
    flow.onward.begin(inspect != nullptr ? inspect->pool : nullptr);
    flow.connect_began_ms = now_ms_;
    connect_next(flow);
}

// Ends the flow if there is no server left, or no time.
void Flows::connect_next(Flow& flow) {
    const uint64_t end_ms = flow.connect_began_ms + connect_ms;
    while (now_ms_ < end_ms) {
        const auto server =
            flow.onward.next(flow.origin.client.address, flow.origin.server, random_number());
        if (!server) {
            break;
        }
        const uint64_t attempt_ms = flow.onward.timeout_ms().value_or(connect_ms);
        flow.connect_until_ms = std::min(now_ms_ + attempt_ms, end_ms);
        const Result<void> begun = connect_to(flow, *server);
        if (begun) {
            table_.arm(flow, next_deadline_ms(flow, now_ms_));
            return;
        }
        note_failed(flow, begun.error().err, begun.error().message);
    }
    flow.error = flow.error.empty() ? "no server is up" : flow.error;
    end(flow, End::upstream_failed);
}

Result<void> Flows::connect_to(Flow& flow, const Endpoint& server) {
    flow.to_server.writable = flow.to_client.readable = false; // what the socket before it was
    flow.upstream = TRY(connect_onward(server, config_->bypass_mark));
    return needs_.poller.add(flow.upstream.get(), stream_events,
                             {Source::upstream, flow.index, flow.generation});
}

void Flows::note_failed(Flow& flow, int err, std::string_view message) {
    flow.error = message;
    if (const Server* server = flow.onward.server()) {
        flow.error = fmt::format("{} at {}", message,
                                 server_text(server->endpoint.address, server->endpoint.port));
    }
    if (is_of_server(err)) {
        flow.onward.failed();
    }
    flow.upstream.reset();
}

void Flows::finish_connect(Flow& flow) {
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(flow.upstream.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = errno;
    }
    if (error == 0 && (!flow.to_server.writable || !peer_end(flow.upstream.get()))) {
        return; // an event from before the connection stands, or of a socket that was there before
    }
    if (error == 0 && flow.onward.wants_proxy_header() &&
        !send_header(flow.upstream.get(), flow.origin)) {
        error = errno;
    }
    if (error != 0) {
        note_failed(flow, error, fmt::format("connect: {}", strerror(error)));
        connect_next(flow);
        return;
    }
    flow.onward.connected();
    flow.error.clear(); // of a server that was tried before
    flow.connected = true;
    flow.to_server.to = flow.to_client.from = flow.upstream.get();
    flow.to_client.readable = true;
    relay(flow);
}

} // namespace pc::inspect
