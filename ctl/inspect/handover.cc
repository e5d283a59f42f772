// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/handover.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

namespace pc::inspect {

namespace {

struct Kind {
    std::string_view name;
    Fd Listeners::*fd;
};

constexpr std::array kinds = {Kind{"tcp4", &Listeners::tcp4}, Kind{"tcp6", &Listeners::tcp6},
                              Kind{"udp4", &Listeners::udp4}, Kind{"udp6", &Listeners::udp6}};

// "tcp4-0": of worker 0.
std::string name_of(const Kind& kind, size_t worker) {
    return fmt::format("{}-{}", kind.name, worker);
}

void place(std::vector<Listeners>& all, std::string_view name, Fd fd) {
    for (size_t worker = 0; worker < PC_WORKERS_MAX; ++worker) {
        for (const Kind& kind : kinds) {
            if (name == name_of(kind, worker)) {
                all.resize(std::max(all.size(), worker + 1));
                all[worker].*kind.fd = std::move(fd);
                return;
            }
        }
    }
}

bool is_whole(const Listeners& listeners) {
    return std::all_of(kinds.begin(), kinds.end(),
                       [&](const Kind& kind) { return (listeners.*kind.fd).valid(); });
}

std::optional<uint64_t> netns_of(int fd) {
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);
    if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) != 0) {
        return std::nullopt;
    }
    return cookie;
}

} // namespace

std::vector<Listeners> take_kept_listeners() {
    std::vector<Listeners> all;
    char** names = nullptr;
    const int count = sd_listen_fds_with_names(/*unset_environment=*/1, &names);
    for (int i = 0; i < count; ++i) {
        place(all, names[i], Fd(SD_LISTEN_FDS_START + i));
        free(names[i]);
    }
    free(static_cast<void*>(names));
    for (Listeners& listeners : all) {
        if (!is_whole(listeners)) {
            listeners = {};
        }
    }
    return all;
}

bool keep_listeners(const std::vector<Listeners>& listeners) {
    for (size_t worker = 0; worker < PC_WORKERS_MAX; ++worker) {
        for (const Kind& kind : kinds) {
            const std::string name = name_of(kind, worker);
            // What an earlier process left under this name; if that is taken over, it comes back.
            if (sd_notify(0, ("FDSTOREREMOVE=1\nFDNAME=" + name).c_str()) <= 0) {
                return false;
            }
            if (worker >= listeners.size()) {
                continue;
            }
            // It shall not watch them: an error on a socket is no reason to drop it.
            const std::string store = "FDSTORE=1\nFDPOLL=0\nFDNAME=" + name;
            const int fd = (listeners[worker].*kind.fd).get();
            if (sd_pid_notify_with_fds(0, 0, store.c_str(), &fd, 1) <= 0) {
                return false;
            }
        }
    }
    return true;
}

bool is_same_netns(int a, int b) {
    const auto of_a = netns_of(a);
    return of_a && of_a == netns_of(b);
}

} // namespace pc::inspect
