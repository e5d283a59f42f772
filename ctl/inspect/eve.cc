// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/eve.h"

#include <ctime>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ctl/protocol/eve_flow_id.h"

namespace pc::inspect {

namespace {

using Json = nlohmann::ordered_json;

// ALPN names may be any bytes (GREASE is); in the log they must be text.
std::string printable(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) {
        if (c >= 0x20 && c < 0x7f) {
            text += c;
        } else {
            text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
    return text;
}

void add_tls(Json& line, const TlsHello& hello) {
    Json tls = Json::object();
    if (!hello.server_name.empty()) {
        tls["sni"] = hello.server_name;
    }
    if (!hello.alpn.empty()) {
        Json& names = tls["alpn"] = Json::array();
        for (const std::string& name : hello.alpn) {
            names.push_back(printable(name));
        }
    }
    tls["version"] = tls_version_name(hello.version);
    tls["ech"] = hello.ech;
    tls["ja4"] = hello.ja4;
    line["tls"] = std::move(tls);
}

std::string_view http_version_name(HttpVersion version) {
    switch (version) {
    case HttpVersion::http10:
        return "HTTP/1.0";
    case HttpVersion::http11:
        return "HTTP/1.1";
    case HttpVersion::http2:
        return "HTTP/2";
    }
    return "";
}

void add_http(Json& line, const HttpRequest& request) {
    Json http = Json::object();
    if (!request.host.empty()) {
        http["hostname"] = request.host;
    }
    http["http_method"] = request.method;
    http["url"] = printable(request.url);
    http["protocol"] = http_version_name(request.version);
    line["http"] = std::move(http);
}

void add_quic(Json& line, const QuicHello& hello) {
    Json quic = Json::object();
    quic["version"] = hello.version == quic_v1   ? std::string("1")
                      : hello.version == quic_v2 ? std::string("2")
                                                 : fmt::format("{:#010x}", hello.version);
    if (!hello.tls.server_name.empty()) {
        quic["sni"] = hello.tls.server_name;
    }
    quic["ja4"] = hello.tls.ja4;
    line["quic"] = std::move(quic);
}

std::string dns_type_name(uint16_t type) {
    switch (type) {
    case 1:
        return "A";
    case 5:
        return "CNAME";
    case 28:
        return "AAAA";
    case 65:
        return "HTTPS";
    default:
        return fmt::format("TYPE{}", type); // RFC 3597
    }
}

void add_dns(Json& line, const DnsMessage& question) {
    line["dns"] = {{"type", "query"},
                   {"id", question.id},
                   {"rrname", question.name},
                   {"rrtype", dns_type_name(question.type)}};
}

const char* event_type(const Recognised& recognised) {
    if (std::holds_alternative<TlsHello>(recognised.what)) {
        return "tls";
    }
    if (std::holds_alternative<HttpRequest>(recognised.what)) {
        return "http";
    }
    if (std::holds_alternative<QuicHello>(recognised.what)) {
        return "quic";
    }
    return std::holds_alternative<DnsMessage>(recognised.what) ? "dns" : "flow";
}

Json flow_object(const EveRecord& record) {
    using std::chrono::duration_cast;
    using std::chrono::seconds;
    Json flow = Json::object();
    if (record.udp) {
        flow["pkts_toserver"] = record.datagrams_to_server;
        flow["pkts_toclient"] = record.datagrams_to_client;
    }
    flow["bytes_toserver"] = record.bytes_to_server;
    flow["bytes_toclient"] = record.bytes_to_client;
    flow["start"] = eve_time(record.start);
    flow["end"] = eve_time(record.written);
    flow["age"] = duration_cast<seconds>(record.written - record.start).count();
    flow["state"] = record.reached_server ? "closed" : "new";
    flow["reason"] = record.end_reason;
    return flow;
}

Json portcullis_object(const EveRecord& record) {
    Json ours = Json::object();
    ours["verdict"] = record.allowed ? "allow" : "deny";
    ours["reason"] = record.verdict_reason;
    if (!record.rule_name.empty()) {
        ours["rule"] = record.rule_name;
    }
    if (!record.inspect_name.empty()) {
        ours["inspect"] = record.inspect_name;
    }
    if (!record.inspect_rule.empty()) {
        ours["inspect_rule"] = record.inspect_rule;
    }
    if (!record.logged.empty()) {
        ours["logged"] = std::vector<std::string>(record.logged.begin(), record.logged.end());
    }
    if (!record.error.empty()) {
        ours["error"] = record.error;
    }
    if (!record.upstream.empty()) {
        ours["upstream"] = record.upstream;
    }
    ours["nat_src_ip"] = to_string(record.origin.nat.address);
    ours["nat_src_port"] = record.origin.nat.port;
    return ours;
}

uint64_t flow_id_of(const EveRecord& record) {
    const Endpoint& client = record.origin.client;
    const Endpoint& server = record.origin.server;
    return protocol::eve_flow_id(client.address, client.port, server.address, server.port,
                                 record.udp ? IPPROTO_UDP : IPPROTO_TCP);
}

protocol::FlowEnd end_of(const Endpoint& endpoint) {
    return {endpoint.address, endpoint.port};
}

} // namespace

std::string eve_time(WallTime time) {
    const int64_t micros = time.time_since_epoch().count();
    const auto seconds = static_cast<time_t>(micros / 1'000'000);
    tm parts{};
    (void)gmtime_r(&seconds, &parts); // ignoring: fails only for years that do not fit an int
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}+0000", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                       micros % 1'000'000);
}

std::string tls_version_name(uint16_t version) {
    switch (version) {
    case 0x0300:
        return "SSLv3";
    case 0x0301:
        return "TLSv1";
    case 0x0302:
        return "TLS 1.1";
    case 0x0303:
        return "TLS 1.2";
    case 0x0304:
        return "TLS 1.3";
    default:
        return fmt::format("{:#06x}", version);
    }
}

std::string eve_line(const EveRecord& record) {
    const auto* tls = std::get_if<TlsHello>(&record.recognised.what);
    const auto* http = std::get_if<HttpRequest>(&record.recognised.what);
    Json line = Json::object();
    line["timestamp"] = eve_time(record.written);
    line["flow_id"] = flow_id_of(record);
    if (!record.in_iface.empty()) {
        line["in_iface"] = record.in_iface;
    }
    line["event_type"] = event_type(record.recognised);
    line["src_ip"] = to_string(record.origin.client.address);
    line["src_port"] = record.origin.client.port;
    line["dest_ip"] = to_string(record.origin.server.address);
    line["dest_port"] = record.origin.server.port;
    line["proto"] = record.udp ? "UDP" : "TCP";
    if (!record.recognised.protocol.empty()) {
        line["app_proto"] = record.recognised.protocol;
    }
    if (tls != nullptr) {
        add_tls(line, *tls);
    }
    if (http != nullptr) {
        add_http(line, *http);
    }
    if (const auto* quic = std::get_if<QuicHello>(&record.recognised.what)) {
        add_quic(line, *quic);
    }
    if (const auto* question = std::get_if<DnsMessage>(&record.recognised.what)) {
        add_dns(line, *question);
    }
    line["portcullis"] = portcullis_object(record);
    line["flow"] = flow_object(record);
    return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

protocol::InspectedFlow inspected_flow(const EveRecord& record) {
    protocol::InspectedFlow flow;
    flow.src = end_of(record.origin.client);
    flow.dst = end_of(record.origin.server);
    flow.nat = end_of(record.origin.nat);
    flow.proto = record.udp ? IPPROTO_UDP : IPPROTO_TCP;
    flow.way = record.way;
    flow.protocol = record.recognised.protocol;
    flow.inspect = record.inspect_name;
    flow.rule = record.rule_name;
    flow.name = record.recognised.name;
    if (record.decided) {
        flow.verdict = record.allowed ? "allow" : "deny";
        flow.reason = record.verdict_reason;
        flow.inspect_rule = record.inspect_rule;
    }
    flow.bytes_sent = record.bytes_to_server;
    flow.bytes_received = record.bytes_to_client;
    flow.age_s = std::chrono::duration<double>(record.written - record.start).count();
    return flow;
}

} // namespace pc::inspect
