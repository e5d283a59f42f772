// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/eve.h"

#include <ctime>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

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

Json flow_object(const EveRecord& record) {
    using std::chrono::duration_cast;
    using std::chrono::seconds;
    Json flow = Json::object();
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
    if (!record.error.empty()) {
        ours["error"] = record.error;
    }
    ours["nat_src_ip"] = to_string(record.origin.nat.address);
    ours["nat_src_port"] = record.origin.nat.port;
    return ours;
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
    line["flow_id"] = record.flow_id;
    if (!record.in_iface.empty()) {
        line["in_iface"] = record.in_iface;
    }
    line["event_type"] = tls != nullptr ? "tls" : http != nullptr ? "http" : "flow";
    line["src_ip"] = to_string(record.origin.client.address);
    line["src_port"] = record.origin.client.port;
    line["dest_ip"] = to_string(record.origin.server.address);
    line["dest_port"] = record.origin.server.port;
    line["proto"] = "TCP";
    if (!record.recognised.protocol.empty()) {
        line["app_proto"] = record.recognised.protocol;
    }
    if (tls != nullptr) {
        add_tls(line, *tls);
    }
    if (http != nullptr) {
        add_http(line, *http);
    }
    line["portcullis"] = portcullis_object(record);
    line["flow"] = flow_object(record);
    return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace pc::inspect
