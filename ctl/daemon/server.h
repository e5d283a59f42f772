// SPDX-License-Identifier: GPL-3.0-or-later
// The control socket: connections, framing, streams. Answers are somebody else's. One of the
// connections is the inspector's, which also answers questions; others may watch what it does.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

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

    // Who asks.
    struct Caller {
        uint64_t id = 0;
        Tell tell;
    };

    struct Hooks {
        // Null: answer() is called later. Until then the caller's next request waits.
        std::function<protocol::Json(const protocol::Request& request, const Caller&)> answer;
        // What a stream of WatchInspect begins with.
        std::function<protocol::Json()> watched;
        // The inspector says something; comes; goes, if no other one is left.
        std::function<void(const protocol::Json& words)> heard;
        std::function<void()> inspector_came;
        std::function<void()> inspector_gone;
        // How many there are that watch it, after each change.
        std::function<void(size_t count)> monitors_changed;
    };

    // Listens; a socket left over by a dead daemon is replaced, a living one is an Error. `event`
    // is referenced as long as this lives.
    [[nodiscard]] static Result<std::unique_ptr<Server>> open(sd_event* event,
                                                              const std::string& path, Hooks hooks);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    Server(Server&&) = delete;
    Server& operator=(Server&&) = delete;

    // To everybody who watches.
    void publish(const protocol::Json& object);

    // To whoever asked; nothing if it has gone.
    void answer(uint64_t caller, const protocol::Json& answer);

    // False: no inspector is connected, or it does not read.
    [[nodiscard]] bool ask_inspector(const protocol::Json& question);

    // To everybody who watches the inspector. Never waits: who does not read loses lines, and is
    // told how many with the next ones.
    void tell_monitors(const std::vector<std::string>& lines, uint64_t lost);
    void tell_monitors(const std::string& note);

private:
    struct Client {
        Server* server = nullptr;
        Fd fd;
        sd_event_source* source = nullptr;
        protocol::Framer framer;
        size_t unread = 0; // bytes in the framer, at most
        std::string output;
        size_t written = 0;
        uint64_t id = 0;
        uint64_t lost = 0;         // lines, not told of yet
        bool waits = false;        // for answer()
        bool watches = false;      // WatchInspect
        bool is_inspector = false; // and answers questions
        bool is_monitor = false;
        bool ends = false; // once the output is written
    };

    Server(sd_event* event, Hooks hooks) : event_(event), hooks_(std::move(hooks)) {}

    static int on_connection(sd_event_source* source, int fd, uint32_t events,
                             void* server) noexcept;
    static int on_client(sd_event_source* source, int fd, uint32_t events, void* client) noexcept;

    void accept_client(int listener);
    [[nodiscard]] bool read_from(Client& client);
    void answer_messages(Client& client);
    void answer_one(Client& client, const std::string& message);
    void watch(Client& client, const protocol::Request& request);
    void begin_monitor(Client& client);
    void push(Client& client, const protocol::Json& message);
    [[nodiscard]] size_t monitors() const;
    void tell(Client& client, const protocol::Json& progress);
    [[nodiscard]] bool write_to(Client& client);
    void wait_for(Client& client);
    void drop(Client& client);

    sd_event* event_;
    Hooks hooks_;
    uint64_t last_id_ = 0;
    Fd listener_;
    sd_event_source* source_ = nullptr;
    std::list<Client> clients_;
};

} // namespace pc::daemon
