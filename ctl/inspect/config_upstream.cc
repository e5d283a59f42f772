// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/config_upstream.h"

#include <fmt/format.h>

#include "ctl/inspect/config_rules.h"

namespace pc::inspect {

namespace {

using Json = nlohmann::json;

Error no_such(std::string_view name) {
    return Error{0, fmt::format("\"{}\" of an upstream is not what it must be", name)};
}

Result<bool> flag(const Json& object, const char* name, bool otherwise) {
    const Json& value = member(object, name);
    if (value.is_null()) {
        return otherwise;
    }
    if (!value.is_boolean()) {
        return no_such(name);
    }
    return value.get<bool>();
}

Result<uint32_t> count(const Json& object, const char* name, uint32_t otherwise,
                       NumberRange range) {
    if (member(object, name).is_null()) {
        return otherwise;
    }
    const auto value = static_cast<uint32_t>(TRY(number(object, name, range.high)));
    if (value < range.low) {
        return no_such(name);
    }
    return value;
}

Result<UpstreamServer> read_server(const Json& json) {
    if (!json.is_object()) {
        return no_such("servers");
    }
    const auto address = parse_server_address(TRY(text(member(json, "address"), "address")));
    if (!address) {
        return no_such("address");
    }
    UpstreamServer server;
    server.address = address->address;
    server.port = address->port;
    server.weight = TRY(count(json, "weight", 1, {1, upstream_weight_max}));
    server.drains = TRY(flag(json, "drain", false));
    return server;
}

Result<HealthChecks> read_health(const Json& json) {
    HealthChecks health;
    if (json.is_null()) {
        return health;
    }
    if (!json.is_object()) {
        return no_such("health");
    }
    health.active = TRY(flag(json, "active", health.active));
    health.interval_ms = TRY(count(json, "interval_ms", health.interval_ms, {1, UINT32_MAX}));
    health.timeout_ms = TRY(count(json, "timeout_ms", health.timeout_ms, {1, UINT32_MAX}));
    health.rise = TRY(count(json, "rise", health.rise, {1, UINT32_MAX}));
    health.fall = TRY(count(json, "fall", health.fall, {1, UINT32_MAX}));
    health.passive_fall = TRY(count(json, "passive_fall", health.passive_fall, {0, UINT32_MAX}));
    health.retry_ms = TRY(count(json, "retry_ms", health.retry_ms, {1, UINT32_MAX}));
    if (const Json& path = member(json, "http_path"); !path.is_null()) {
        health.http_path = TRY(text(path, "http_path"));
        if (!is_check_path(health.http_path)) {
            return no_such("http_path");
        }
    }
    if (const Json& host = member(json, "http_host"); !host.is_null()) {
        health.http_host = TRY(text(host, "http_host"));
        if (!is_check_host(health.http_host)) {
            return no_such("http_host");
        }
    }
    return health;
}

Result<StickyPrefix> read_sticky(const Json& json) {
    StickyPrefix sticky;
    if (json.is_null()) {
        return sticky;
    }
    if (!json.is_object()) {
        return no_such("sticky");
    }
    sticky.ipv4 = static_cast<uint8_t>(TRY(count(json, "ipv4", sticky.ipv4, {1, 32})));
    sticky.ipv6 = static_cast<uint8_t>(TRY(count(json, "ipv6", sticky.ipv6, {1, 128})));
    return sticky;
}

} // namespace

Result<std::optional<Upstream>> read_upstream(const Json& json) {
    if (json.is_null()) {
        return std::optional<Upstream>{};
    }
    const Json& servers = member(json, "servers");
    if (!json.is_object() || !servers.is_array() || servers.empty() ||
        servers.size() > upstream_servers_max) {
        return no_such("servers");
    }
    Upstream upstream;
    for (const Json& server : servers) {
        upstream.servers.push_back(TRY(read_server(server)));
    }
    if (const Json& balance = member(json, "balance"); !balance.is_null()) {
        upstream.balance = Upstream::Balance::least_connections;
        if (balance == to_string(Upstream::Balance::maglev)) {
            upstream.balance = Upstream::Balance::maglev;
        } else if (balance != to_string(upstream.balance)) {
            return no_such("balance");
        }
    }
    const Json& on_none = member(json, "on_none");
    if (!on_none.is_null() && on_none != "pass" && on_none != "drop") {
        return no_such("on_none");
    }
    upstream.none_passes = on_none == "pass";
    upstream.sticky = TRY(read_sticky(member(json, "sticky")));
    upstream.proxy_protocol = TRY(flag(json, "proxy_protocol", false));
    upstream.connect_timeout_ms =
        TRY(count(json, "connect_timeout_ms", upstream.connect_timeout_ms, {1, UINT32_MAX}));
    upstream.health = TRY(read_health(member(json, "health")));
    return std::optional(std::move(upstream));
}

} // namespace pc::inspect
