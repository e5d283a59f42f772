// SPDX-License-Identifier: GPL-3.0-or-later
// [inspect.NAME.upstream] and its [inspect.NAME.upstream.health].
#include "rules/parse_sections.h"

namespace pc {

namespace {

constexpr uint32_t minute_ms = 60'000;
constexpr uint32_t hour_ms = 3'600'000;
constexpr uint32_t least_ms = 100; // what the inspector's clock can tell apart
constexpr uint32_t checks_max = 100;
constexpr uint32_t passive_max = 1000;
constexpr std::string_view server_example = "\"192.0.2.10:8080\" or \"[2001:db8::1]:8080\"";

void read_period(Reading& reading, uint32_t& ms, const TomlEntry& entry, uint32_t longest) {
    const auto text = read_string(reading, entry, entry.key + " = \"2s\"");
    if (!text) {
        return;
    }
    const auto parsed = parse_milliseconds(*text, longest);
    if (!parsed || *parsed < least_ms) {
        reading.error("E039", entry.value.at,
                      "'" + *text + "' is no time between " + milliseconds_text(least_ms) +
                          " and " + milliseconds_text(longest),
                      "\"500ms\", \"2s\" or \"1m\"");
        return;
    }
    ms = *parsed;
}

void read_count(Reading& reading, uint32_t& count, const TomlEntry& entry, NumberRange range) {
    if (const auto number = read_integer(reading, entry, range.low, range.high)) {
        count = static_cast<uint32_t>(*number);
    }
}

// ---- one server

void read_server_address(Reading& reading, UpstreamServer& server, const TomlNode& node) {
    const auto parsed = parse_server_address(node.text);
    if (!parsed) {
        reading.error("E031", node.at,
                      "'" + node.text + "' is no address of a server with its port",
                      std::string(server_example) + "; names are not looked up");
        return;
    }
    server.address = parsed->address;
    server.port = parsed->port;
    server.at = node.at;
}

constexpr Key<UpstreamServer> server_keys[] = {
    {"address",
     [](Reading& reading, UpstreamServer& server, const TomlEntry& entry) {
         if (read_string(reading, entry, "address = \"192.0.2.10:8080\"")) {
             read_server_address(reading, server, entry.value);
         }
     }},
    {"weight",
     [](Reading& reading, UpstreamServer& server, const TomlEntry& entry) {
         if (entry.value.kind == TomlKind::integer && entry.value.integer == 0) {
             reading.error("E030", entry.value.at, "'weight' must be 1 to 256, not 0",
                           "drain = true lets a server have no new flows");
             return;
         }
         read_count(reading, server.weight, entry, {1, upstream_weight_max});
     }},
    {"drain",
     [](Reading& reading, UpstreamServer& server, const TomlEntry& entry) {
         server.drains = read_boolean(reading, entry).value_or(false);
     }},
};

// None if it has no address.
std::optional<UpstreamServer> read_server(Reading& reading, const TomlNode& node,
                                          const std::string& where) {
    UpstreamServer server;
    if (node.kind == TomlKind::string) {
        read_server_address(reading, server, node);
    } else if (node.kind == TomlKind::table) {
        read_keys<UpstreamServer>(reading, server, node, server_keys, "a server of " + where);
        if (node.find("address") == nullptr) {
            reading.error("E014", node.at, "'address' is missing in a server of " + where,
                          "{ address = \"192.0.2.10:8080\", weight = 2 }");
        }
    } else {
        reading.error(
            "E010", node.at,
            "a server must be a string or a table, not " + std::string(kind_name(node.kind)),
            std::string(server_example) + ", or { address = \"192.0.2.10:8080\", weight = 2 }");
    }
    return server.port != 0 ? std::optional(server) : std::nullopt;
}

bool is_known(const Upstream& upstream, const UpstreamServer& server) {
    return std::any_of(upstream.servers.begin(), upstream.servers.end(),
                       [&](const UpstreamServer& other) {
                           return other.address == server.address && other.port == server.port;
                       });
}

// ---- the tables

// read_list() takes no tables.
std::span<const TomlNode> items_of(Reading& reading, const TomlEntry& entry) {
    if (entry.value.kind != TomlKind::array) {
        return {&entry.value, 1};
    }
    if (entry.value.items.empty()) {
        reading.error("E040", entry.value.at, "the list of 'servers' is empty",
                      "servers = [\"192.0.2.10:8080\"]");
    }
    return entry.value.items;
}

void read_servers(Reading& reading, Upstream& upstream, const TomlEntry& entry) {
    const std::string where = "'servers'";
    for (const TomlNode& node : items_of(reading, entry)) {
        const auto server = read_server(reading, node, where);
        if (!server) {
            continue;
        }
        if (is_known(upstream, *server)) {
            reading.error("E015", server->at,
                          "server " + server_text(server->address, server->port) +
                              " is there twice",
                          "give it a weight: { address = \"" +
                              server_text(server->address, server->port) + "\", weight = 2 }");
        } else if (upstream.servers.size() == upstream_servers_max) {
            reading.error("E070", server->at,
                          "more than " + std::to_string(upstream_servers_max) +
                              " servers in one upstream");
            return;
        } else {
            upstream.servers.push_back(*server);
        }
    }
}

void read_balance(Reading& reading, Upstream& upstream, const TomlEntry& entry) {
    const auto word = read_word(reading, entry, {"maglev", "least-connections"});
    upstream.balance = static_cast<Upstream::Balance>(word.value_or(0));
}

constexpr Key<StickyPrefix> sticky_keys[] = {
    {"ipv4",
     [](Reading& reading, StickyPrefix& sticky, const TomlEntry& entry) {
         const auto length = read_integer(reading, entry, 1, address_bits(Family::v4));
         sticky.ipv4 = static_cast<uint8_t>(length.value_or(sticky.ipv4));
     }},
    {"ipv6",
     [](Reading& reading, StickyPrefix& sticky, const TomlEntry& entry) {
         const auto length = read_integer(reading, entry, 1, address_bits(Family::v6));
         sticky.ipv6 = static_cast<uint8_t>(length.value_or(sticky.ipv6));
     }},
};

void read_sticky(Reading& reading, Upstream& upstream, const TomlEntry& entry) {
    if (!check_table(reading, entry, "sticky = { ipv4 = 24, ipv6 = 56 }")) {
        return;
    }
    read_keys<StickyPrefix>(reading, upstream.sticky, entry.value, sticky_keys, "'sticky'");
    if (upstream.balance == Upstream::Balance::least_connections) {
        reading.error("E018", entry.key_at,
                      "'sticky' does not go with balance = \"least-connections\"",
                      "with balance = \"maglev\" a client keeps its server");
    }
}

void read_proxy_protocol(Reading& reading, Upstream& upstream, const TomlEntry& entry) {
    upstream.proxy_protocol = read_boolean(reading, entry).value_or(false);
}

void read_on_none(Reading& reading, Upstream& upstream, const TomlEntry& entry) {
    upstream.none_passes = read_word(reading, entry, {"drop", "pass"}).value_or(0) == 1;
}

void read_connect_timeout(Reading& reading, Upstream& upstream, const TomlEntry& entry) {
    constexpr uint32_t longest_ms = 15'000; // for all servers together
    read_period(reading, upstream.connect_timeout_ms, entry, longest_ms);
}

constexpr Key<HealthChecks> health_keys[] = {
    {"active",
     [](Reading& reading, HealthChecks& health, const TomlEntry& entry) {
         health.active = read_boolean(reading, entry).value_or(true);
     }},
    {"interval",
     [](Reading& reading, HealthChecks& health, const TomlEntry& entry) {
         read_period(reading, health.interval_ms, entry, hour_ms);
     }},
    {"timeout",
     [](Reading& reading, HealthChecks& health, const TomlEntry& entry) {
         read_period(reading, health.timeout_ms, entry, minute_ms);
     }},
    {"rise",
     [](Reading& reading, HealthChecks& health, const TomlEntry& entry) {
         read_count(reading, health.rise, entry, {1, checks_max});
     }},
    {"fall",
     [](Reading& reading, HealthChecks& health, const TomlEntry& entry) {
         read_count(reading, health.fall, entry, {1, checks_max});
     }},
    {"http_path",
     [](Reading& reading, HealthChecks& health, const TomlEntry& entry) {
         const auto path = read_string(reading, entry, "http_path = \"/health\"");
         if (path && !is_check_path(*path)) {
             reading.error("E047", entry.value.at, "'" + *path + "' is no path of a request",
                           "http_path = \"/health\"");
         } else if (path) {
             health.http_path = *path;
         }
     }},
    {"http_host",
     [](Reading& reading, HealthChecks& health, const TomlEntry& entry) {
         const auto host = read_string(reading, entry, "http_host = \"web.example\"");
         if (host && !is_check_host(*host)) {
             reading.error("E047", entry.value.at, "'" + *host + "' is no name of a host",
                           "http_host = \"web.example\"");
         } else if (host) {
             health.http_host = *host;
         }
     }},
    {"passive_fall",
     [](Reading& reading, HealthChecks& health, const TomlEntry& entry) {
         read_count(reading, health.passive_fall, entry, {0, passive_max});
     }},
    {"retry",
     [](Reading& reading, HealthChecks& health, const TomlEntry& entry) {
         read_period(reading, health.retry_ms, entry, hour_ms);
     }},
};

void read_health(Reading& reading, Upstream& upstream, const TomlEntry& entry) {
    const std::string where = "[inspect.*.upstream.health]";
    if (!check_table(reading, entry, "[inspect.NAME.upstream.health]")) {
        return;
    }
    read_keys<HealthChecks>(reading, upstream.health, entry.value, health_keys, where);
    if (entry.value.find("http_host") != nullptr && entry.value.find("http_path") == nullptr) {
        reading.error("E014", entry.value.at, "'http_host' needs 'http_path' in " + where,
                      "http_path = \"/health\"");
    }
}

// `balance` before `sticky`, which does not go with every one.
constexpr Key<Upstream> keys[] = {
    {"servers", read_servers}, {"balance", read_balance},
    {"sticky", read_sticky},   {"proxy_protocol", read_proxy_protocol},
    {"on_none", read_on_none}, {"connect_timeout", read_connect_timeout},
    {"health", read_health}};

size_t servers_so_far(const RuleSet& rules) {
    size_t servers = 0;
    for (const Inspect& inspect : rules.inspects) {
        servers += inspect.upstream ? inspect.upstream->servers.size() : 0;
    }
    return servers;
}

} // namespace

void read_upstream(Reading& reading, Inspect& inspect, const TomlEntry& entry) {
    const std::string where = "[inspect." + inspect.name + ".upstream]";
    if (!check_table(reading, entry, "[inspect.NAME.upstream]")) {
        return;
    }
    Upstream upstream;
    upstream.at = entry.value.at;
    read_keys<Upstream>(reading, upstream, entry.value, keys, where);
    if (entry.value.find("servers") == nullptr) {
        reading.error("E014", entry.value.at, "'servers' is missing in " + where,
                      "servers = [" + std::string("\"192.0.2.10:8080\"") + "]");
    }
    if (inspect.mode == Inspect::Mode::peek) {
        reading.error("E018", entry.key_at,
                      where + " does not go with mode = \"peek\": there is no connection of the "
                              "inspector's that could go to another server",
                      "mode = \"terminate\"");
    }
    if (servers_so_far(reading.rules) + upstream.servers.size() > PC_UPSTREAM_SERVERS_MAX) {
        reading.error("E070", entry.value.at,
                      "more than " + std::to_string(PC_UPSTREAM_SERVERS_MAX) +
                          " servers in all [inspect.*.upstream]");
    }
    inspect.upstream = std::move(upstream);
}

} // namespace pc
