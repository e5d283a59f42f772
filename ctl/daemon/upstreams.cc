// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/upstreams.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace pc::daemon {

namespace {

using protocol::Json;

Json health_object(const HealthChecks& health) {
    Json object{{"active", health.active},
                {"interval_ms", health.interval_ms},
                {"timeout_ms", health.timeout_ms},
                {"rise", health.rise},
                {"fall", health.fall},
                {"passive_fall", health.passive_fall},
                {"retry_ms", health.retry_ms}};
    if (!health.http_path.empty()) {
        object["http_path"] = health.http_path;
    }
    if (!health.http_host.empty()) {
        object["http_host"] = health.http_host;
    }
    return object;
}

Json server_object(const UpstreamServer& server) {
    return {{"address", server_text(server.address, server.port)},
            {"weight", server.weight},
            {"drain", server.drains}};
}

bool is_of(const pc_upstream_server& known, const UpstreamServer& server) {
    return known.port == htons(server.port) &&
           known.family == static_cast<__u8>(server.address.family) &&
           std::memcmp(known.address, server.address.bytes.data(), sizeof(known.address)) == 0;
}

// Of the last check, as pc_upstream_server.fault has it.
std::string fault_text(uint16_t fault) {
    constexpr int errno_base = 1000;
    if (fault < errno_base) {
        return fault == 0 ? std::string() : fmt::format("status {}", fault);
    }
    if (fault == errno_base + EPROTO) {
        return "not HTTP";
    }
    std::string text =
        std::strerror(fault - errno_base); // NOLINT(concurrency-mt-unsafe): one thread
    std::transform(text.begin(), text.begin() + 1, text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return text;
}

void add_known(Json& object, const pc_upstream_server& known, uint64_t now_ns) {
    object["state"] = known.up != 0 ? "up" : "down";
    object["active"] = known.active;
    object["chosen"] = known.chosen;
    object["failed"] = known.failed;
    object["checks"] = known.checks;
    object["checks_failed"] = known.checks_failed;
    object["fault"] = fault_text(known.fault);
    if (known.since_ns != 0) {
        object["since_ms"] = (now_ns - std::min<uint64_t>(known.since_ns, now_ns)) / 1'000'000;
    }
}

} // namespace

Json upstream_object(const Upstream& upstream) {
    Json servers = Json::array();
    for (const UpstreamServer& server : upstream.servers) {
        servers.push_back(server_object(server));
    }
    return {{"servers", std::move(servers)},
            {"balance", std::string(to_string(upstream.balance))},
            {"sticky", {{"ipv4", upstream.sticky.ipv4}, {"ipv6", upstream.sticky.ipv6}}},
            {"proxy_protocol", upstream.proxy_protocol},
            {"on_none", upstream.none_passes ? "pass" : "drop"},
            {"connect_timeout_ms", upstream.connect_timeout_ms},
            {"health", health_object(upstream.health)}};
}

Result<std::vector<pc_upstream_server>> read_upstream_servers(const MapStore& map) {
    std::vector<pc_upstream_server> servers;
    for (uint32_t slot = 0; slot < PC_UPSTREAM_SERVERS_MAX; ++slot) {
        const std::vector<std::byte> value = TRY(map.get(bytes_of(slot)));
        pc_upstream_server server{};
        if (value.size() != sizeof(server)) {
            return Error{0, fmt::format("map insp_upstream: a value has {} bytes", value.size())};
        }
        std::memcpy(&server, value.data(), sizeof(server));
        if (server.inspect == 0) {
            break;
        }
        servers.push_back(server);
    }
    return servers;
}

Json upstream_state(const Upstream& upstream, uint8_t inspect,
                    const std::vector<pc_upstream_server>& servers, InspectorWord word,
                    uint64_t now_ns) {
    Json list = Json::array();
    for (const UpstreamServer& server : upstream.servers) {
        Json object = server_object(server);
        object["state"] = "unknown";
        const auto known =
            std::find_if(servers.begin(), servers.end(), [&](const pc_upstream_server& each) {
                return each.inspect == inspect && is_of(each, server);
            });
        if (known != servers.end() && word == InspectorWord::live) {
            add_known(object, *known, now_ns);
        }
        list.push_back(std::move(object));
    }
    return {{"balance", std::string(to_string(upstream.balance))},
            {"proxy_protocol", upstream.proxy_protocol},
            {"on_none", upstream.none_passes ? "pass" : "drop"},
            {"servers", std::move(list)}};
}

} // namespace pc::daemon
