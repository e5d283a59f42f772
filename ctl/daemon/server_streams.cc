// SPDX-License-Identifier: GPL-3.0-or-later
// What the server says without being asked: configurations and questions to the inspector, late
// answers, and what the inspector does to those who watch it. Nothing here ends a connection at
// once: it may be the one whose request is being answered.
#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include "ctl/daemon/server.h"

namespace pc::daemon {
namespace {

using protocol::Json;

// A watcher of configurations that does not read loses its connection rather than our memory.
constexpr size_t unsent_max = size_t{4} << 20;
// Who watches flows loses lines sooner.
constexpr size_t unseen_max = size_t{1} << 20;

} // namespace

void Server::watch(Client& client, const protocol::Request& request) {
    client.watches = request.more;
    Json answer{{"parameters", hooks_.watched()}};
    if (client.watches) {
        answer["continues"] = true;
    }
    client.output += protocol::frame(answer);
    const auto answers = request.parameters.find("answers");
    if (client.watches && answers != request.parameters.end() && *answers == true) {
        client.is_inspector = true;
        hooks_.inspector_came();
    }
}

void Server::begin_monitor(Client& client) {
    client.is_monitor = true;
    client.output += protocol::frame(
        Json{{"parameters", {{"lines", Json::array()}, {"lost", 0}}}, {"continues", true}});
    hooks_.monitors_changed(monitors());
}

size_t Server::monitors() const {
    return static_cast<size_t>(std::count_if(clients_.begin(), clients_.end(),
                                             [](const Client& each) { return each.is_monitor; }));
}

// What cannot be sent ends the connection by its own next event.
void Server::push(Client& client, const Json& message) {
    client.output += protocol::frame(message);
    if (client.output.size() - client.written > unsent_max || !write_to(client)) {
        client.watches = false;
        client.is_monitor = false;
        (void)shutdown(client.fd.get(), SHUT_RDWR); // ignoring: it may be closed already
    } else {
        wait_for(client);
    }
}

void Server::publish(const Json& object) {
    const Json message{{"parameters", object}, {"continues", true}};
    for (Client& client : clients_) {
        if (client.watches) {
            push(client, message);
        }
    }
}

void Server::answer(uint64_t caller, const Json& answer) {
    for (Client& client : clients_) {
        if (client.id == caller && client.waits) {
            client.waits = false;
            push(client, answer);
            answer_messages(client); // what it has asked meanwhile
            wait_for(client);
        }
    }
}

// The one that came last: an older one is about to go.
bool Server::ask_inspector(const Json& question) {
    const auto newest = std::find_if(clients_.rbegin(), clients_.rend(), [](const Client& each) {
        return each.is_inspector && each.watches;
    });
    if (newest == clients_.rend() || newest->output.size() - newest->written > unseen_max) {
        return false;
    }
    push(*newest, {{"parameters", {{"ask", question}}}, {"continues", true}});
    return true;
}

void Server::tell_monitors(const std::vector<std::string>& lines, uint64_t lost) {
    for (Client& client : clients_) {
        if (!client.is_monitor) {
            continue;
        }
        client.lost += lost;
        if (client.output.size() - client.written > unseen_max) {
            client.lost += lines.size();
            continue;
        }
        push(client, {{"parameters", {{"lines", lines}, {"lost", std::exchange(client.lost, 0)}}},
                      {"continues", true}});
    }
}

void Server::tell_monitors(const std::string& note) {
    for (Client& client : clients_) {
        if (client.is_monitor) {
            push(client, {{"parameters", {{"note", note}}}, {"continues", true}});
        }
    }
}

} // namespace pc::daemon
