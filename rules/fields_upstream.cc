// SPDX-License-Identifier: GPL-3.0-or-later
// [inspect.NAME.upstream] and its health checks as keys and values.
#include "rules/fields.h"

namespace pc {

namespace {

void add(Fields& fields, std::string_view key, std::string text) {
    fields.push_back({std::string(key), {{std::move(text), true}}, false});
}

void add_bare(Fields& fields, std::string_view key, std::string text) {
    fields.push_back({std::string(key), {{std::move(text), false}}, false});
}

void add_flag(Fields& fields, std::string_view key, bool value) {
    add_bare(fields, key, value ? "true" : "false");
}

// "192.0.2.10:8080", or a table where there is more to say.
FieldValue value_of(const UpstreamServer& server) {
    const std::string address = server_text(server.address, server.port);
    if (server.weight == 1 && !server.drains) {
        return {address, true};
    }
    std::string text = "{ address = \"" + address + "\"";
    text += server.weight == 1 ? "" : ", weight = " + std::to_string(server.weight);
    text += server.drains ? ", drain = true" : "";
    return {text + " }", false};
}

} // namespace

Fields fields_of(const Upstream& upstream) {
    Fields fields;
    Field servers{"servers", {}, true};
    for (const UpstreamServer& server : upstream.servers) {
        servers.values.push_back(value_of(server));
    }
    if (!servers.values.empty()) {
        fields.push_back(std::move(servers));
    }
    add(fields, "balance", std::string(to_string(upstream.balance)));
    if (upstream.balance == Upstream::Balance::maglev) {
        add_bare(fields, "sticky",
                 "{ ipv4 = " + std::to_string(upstream.sticky.ipv4) +
                     ", ipv6 = " + std::to_string(upstream.sticky.ipv6) + " }");
    }
    add_flag(fields, "proxy_protocol", upstream.proxy_protocol);
    add(fields, "on_none", upstream.none_passes ? "pass" : "drop");
    add(fields, "connect_timeout", milliseconds_text(upstream.connect_timeout_ms));
    return fields;
}

Fields fields_of(const HealthChecks& health) {
    Fields fields;
    add_flag(fields, "active", health.active);
    add(fields, "interval", milliseconds_text(health.interval_ms));
    add(fields, "timeout", milliseconds_text(health.timeout_ms));
    add_bare(fields, "rise", std::to_string(health.rise));
    add_bare(fields, "fall", std::to_string(health.fall));
    if (!health.http_path.empty()) {
        add(fields, "http_path", health.http_path);
    }
    if (!health.http_host.empty()) {
        add(fields, "http_host", health.http_host);
    }
    add_bare(fields, "passive_fall", std::to_string(health.passive_fall));
    add(fields, "retry", milliseconds_text(health.retry_ms));
    return fields;
}

} // namespace pc
