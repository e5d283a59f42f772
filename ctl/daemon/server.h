// SPDX-License-Identifier: GPL-3.0-or-later
// The control socket: connections, framing, streams. Answers are somebody else's.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "ctl/kern/fd.h"
#include "ctl/protocol/protocol.h"

struct sd_event;
struct sd_event_source;

namespace pc::daemon {

class Server {
public:
    // Says to the client how far its request has come; empty if it does not want to know. Never
    // waits: what the client has not taken in time is dropped.
    using Tell = std::function<void(const protocol::Json& progress)>;
    using Answer = std::function<protocol::Json(const protocol::Request& request, const Tell&)>;
    // What a stream begins with.
    using Watched = std::function<protocol::Json()>;

    // Listens; a socket left over by a dead daemon is replaced, a living one is an Error. `event`
    // is referenced as long as this lives.
    [[nodiscard]] static Result<std::unique_ptr<Server>>
    open(sd_event* event, const std::string& path, Answer answer, Watched watched);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    Server(Server&&) = delete;
    Server& operator=(Server&&) = delete;

    // To everybody who watches.
    void publish(const protocol::Json& object);

private:
    struct Client {
        Server* server = nullptr;
        Fd fd;
        sd_event_source* source = nullptr;
        protocol::Framer framer;
        size_t unread = 0; // bytes in the framer, at most
        std::string output;
        size_t written = 0;
        bool watches = false;
        bool ends = false; // once the output is written
    };

    Server(sd_event* event, Answer answer, Watched watched)
        : event_(event), answer_(std::move(answer)), watched_(std::move(watched)) {}

    static int on_connection(sd_event_source* source, int fd, uint32_t events,
                             void* server) noexcept;
    static int on_client(sd_event_source* source, int fd, uint32_t events, void* client) noexcept;

    void accept_client(int listener);
    [[nodiscard]] bool read_from(Client& client);
    void answer_messages(Client& client);
    void answer_one(Client& client, const std::string& message);
    void tell(Client& client, const protocol::Json& progress);
    [[nodiscard]] bool write_to(Client& client);
    void wait_for(Client& client);
    void drop(Client& client);

    sd_event* event_;
    Answer answer_;
    Watched watched_;
    Fd listener_;
    sd_event_source* source_ = nullptr;
    std::list<Client> clients_;
};

} // namespace pc::daemon
