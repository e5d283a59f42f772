// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/health_checker.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include "ctl/inspect/check_answer.h"
#include "ctl/inspect/proxy_header.h"
#include "ctl/inspect/tproxy.h"

namespace pc::inspect {

namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr uint16_t errno_base = 1000; // of pc_upstream_server.fault
constexpr uint32_t check_events = EPOLLIN | EPOLLOUT | EPOLLRDHUP;

bool send_all(int fd, std::span<const std::byte> bytes) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent >= 0 && static_cast<size_t>(sent) == bytes.size();
}

std::string text_of(const Endpoint& endpoint) {
    return server_text(endpoint.address, endpoint.port);
}

} // namespace

void HealthChecker::adopt(Config& config) {
    mark_ = config.bypass_mark;
    std::unordered_map<std::string, PoolPtr> pools;
    std::vector<Watch> watches;
    for (auto& [id, inspect] : config.inspects) {
        if (!inspect.upstream) {
            continue;
        }
        const auto before = pools_.find(inspect.name);
        inspect.pool =
            make_pool(*inspect.upstream, before == pools_.end() ? nullptr : before->second.get());
        pools.emplace(inspect.name, inspect.pool);
        for (const PoolMember& member : inspect.pool->members) {
            watches.push_back(watch_of(inspect, id, member));
        }
    }
    pools_ = std::move(pools);
    watches_ = std::move(watches); // checks of servers that left end here
}

HealthChecker::Watch HealthChecker::watch_of(const InspectConfig& inspect, uint32_t id,
                                             const PoolMember& member) {
    Watch watch;
    const auto known = std::find_if(watches_.begin(), watches_.end(), [&](const Watch& each) {
        return each.server == member.server;
    });
    if (known != watches_.end()) {
        watch = std::move(*known);
    }
    watch.inspect_name = inspect.name;
    watch.inspect = id;
    watch.server = member.server;
    watch.settings = inspect.upstream->health;
    watch.proxy_protocol = inspect.upstream->proxy_protocol;
    return watch;
}

void HealthChecker::tick(uint64_t now_ms) {
    for (Watch& watch : watches_) {
        note_flows(watch, now_ms);
        obey(watch, note_time(watch.state, watch.settings, now_ms));
        if (watch.fd.valid() && now_ms >= watch.deadline_ms) {
            fail(watch, ETIMEDOUT, now_ms);
        }
        if (!watch.fd.valid() && watch.settings.active && now_ms >= watch.next_ms) {
            begin_check(watch, now_ms);
        }
    }
}

// A worker took the server out.
void HealthChecker::note_flows(Watch& watch, uint64_t now_ms) {
    if (watch.state.up && !watch.server->up.load(relaxed)) {
        watch.fault = fmt::format("{} connections in a row failed",
                                  watch.server->failed_in_row.load(relaxed));
        obey(watch, take_out(watch.state, now_ms));
    }
}

void HealthChecker::begin_check(Watch& watch, uint64_t now_ms) {
    watch.next_ms = now_ms + watch.settings.interval_ms;
    if (watch.check == 0) {
        // All begin at once, so as to know; from the second one on, checks of many servers do not
        // fall together.
        const Endpoint& endpoint = watch.server->endpoint;
        watch.next_ms -= server_id(endpoint.address, endpoint.port) % watch.settings.interval_ms;
    }
    watch.deadline_ms = now_ms + watch.settings.timeout_ms;
    watch.asked = false;
    watch.check = ++checks_begun_;
    if (const Result<void> begun = connect_to(watch); !begun) {
        fail(watch, begun.error().err, now_ms);
    }
}

Result<void> HealthChecker::connect_to(Watch& watch) {
    watch.fd = TRY(connect_onward(watch.server->endpoint, mark_));
    return poller_->add(watch.fd.get(), check_events, {Source::check, 0, watch.check});
}

void HealthChecker::on_ready(const Ready& ready, uint64_t now_ms) {
    for (Watch& watch : watches_) {
        if (watch.fd.valid() && watch.check == ready.token.generation) {
            go_on(watch, now_ms);
            return;
        }
    }
}

void HealthChecker::go_on(Watch& watch, uint64_t now_ms) {
    if (watch.asked) {
        hear(watch, now_ms);
        return;
    }
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(watch.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = errno;
    }
    if (error != 0) {
        fail(watch, error, now_ms);
    } else if (peer_end(watch.fd.get())) { // else an event from before it stands
        ask(watch, now_ms);
    }
}

void HealthChecker::ask(Watch& watch, uint64_t now_ms) {
    std::vector<std::byte> bytes;
    if (watch.proxy_protocol) {
        bytes = proxy_header_of_own();
    }
    const bool asks_http = !watch.settings.http_path.empty();
    if (asks_http) {
        const std::string& host = watch.settings.http_host;
        const std::string request = check_request(
            watch.settings.http_path, host.empty() ? text_of(watch.server->endpoint) : host);
        const auto words = std::as_bytes(std::span(request));
        bytes.insert(bytes.end(), words.begin(), words.end());
    }
    if (!bytes.empty() && !send_all(watch.fd.get(), bytes)) {
        fail(watch, errno, now_ms);
    } else if (asks_http) {
        watch.asked = true;
    } else {
        pass(watch, now_ms);
    }
}

// Only looks at what came, so that a status line in pieces is read whole.
void HealthChecker::hear(Watch& watch, uint64_t now_ms) {
    std::array<std::byte, status_line_bytes> line{};
    const ssize_t got = recv(watch.fd.get(), line.data(), line.size(), MSG_PEEK | MSG_DONTWAIT);
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            fail(watch, errno, now_ms);
        }
        return;
    }
    const auto status = answer_status(std::span(line).first(static_cast<size_t>(got)));
    if (status && is_good_status(*status)) {
        pass(watch, now_ms);
    } else if (status || got == 0) {
        fail_status(watch, status.value_or(0), now_ms);
    }
}

void HealthChecker::pass(Watch& watch, uint64_t now_ms) {
    watch.fault.clear();
    watch.fault_code = 0;
    finish(watch, Check::good, now_ms);
}

void HealthChecker::fail(Watch& watch, int err, uint64_t now_ms) {
    watch.fault = watch.asked ? fmt::format("no answer: {}", strerror(err)) : strerror(err);
    watch.fault_code = static_cast<uint16_t>(errno_base + err);
    finish(watch, Check::bad, now_ms);
}

void HealthChecker::fail_status(Watch& watch, uint16_t status, uint64_t now_ms) {
    watch.fault = status == 0 ? "its answer is not HTTP" : fmt::format("it answers {}", status);
    watch.fault_code = status == 0 ? static_cast<uint16_t>(errno_base + EPROTO) : status;
    finish(watch, Check::bad, now_ms);
}

void HealthChecker::finish(Watch& watch, Check check, uint64_t now_ms) {
    watch.fd.reset();
    ++watch.checks;
    watch.checks_failed += check == Check::bad ? 1 : 0;
    obey(watch, note_check(watch.state, watch.settings, check, now_ms));
}

void HealthChecker::obey(Watch& watch, HealthChange change) {
    Server& server = *watch.server;
    switch (change) {
    case HealthChange::none:
        return;
    case HealthChange::came_up: {
        // Nothing but time speaks for a server that is not checked: the next failure is enough.
        const bool on_probation = !watch.settings.active && watch.settings.passive_fall != 0;
        server.failed_in_row.store(on_probation ? watch.settings.passive_fall - 1 : 0, relaxed);
        server.up.store(true, relaxed);
        news_.push_back(fmt::format("inspect {}: server {} is {}", watch.inspect_name,
                                    text_of(server.endpoint), on_probation ? "tried again" : "up"));
        return;
    }
    case HealthChange::went_down:
        server.up.store(false, relaxed);
        news_.push_back(fmt::format("inspect {}: server {} is down: {}", watch.inspect_name,
                                    text_of(server.endpoint), watch.fault));
        return;
    }
}

pc_upstream_server HealthChecker::slot_of(const Watch& watch) const {
    const Server& server = *watch.server;
    pc_upstream_server slot{};
    memcpy(slot.address, server.endpoint.address.bytes.data(), sizeof(slot.address));
    slot.port = htons(server.endpoint.port);
    slot.family = static_cast<__u8>(server.endpoint.address.family);
    slot.inspect = static_cast<__u8>(watch.inspect);
    slot.up = server.up.load(relaxed) ? 1 : 0;
    slot.active = server.active.load(relaxed);
    slot.chosen = server.chosen.load(relaxed);
    slot.failed = server.failed.load(relaxed);
    slot.checks = watch.checks;
    slot.checks_failed = watch.checks_failed;
    slot.since_ns = watch.state.since_ms * 1'000'000;
    slot.fault = watch.fault_code;
    return slot;
}

Result<void> HealthChecker::store() {
    std::vector<pc_upstream_server> now;
    for (const Watch& watch : watches_) {
        now.push_back(slot_of(watch));
    }
    if (now.size() < PC_UPSTREAM_SERVERS_MAX) {
        now.emplace_back(); // the end of the list
    }
    for (uint32_t i = 0; i < now.size(); ++i) {
        const bool same = is_map_known_ && i < written_.size() &&
                          memcmp(&now[i], &written_[i], sizeof(now[i])) == 0;
        if (!same) {
            TRY(map_->put(bytes_of(i), bytes_of(now[i])));
        }
    }
    written_ = std::move(now);
    is_map_known_ = true;
    return {};
}

std::vector<std::string> HealthChecker::take_news() {
    return std::exchange(news_, {});
}

} // namespace pc::inspect
