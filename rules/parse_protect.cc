// SPDX-License-Identifier: GPL-3.0-or-later
// The small languages of [safety]: "SRC -> DST:PROTO/PORT" and probes.
#include <algorithm>

#include "rules/parse_sections.h"

namespace pc {

namespace {

constexpr std::string_view protect_example = "\"@management -> self:tcp/22\"";

void refuse(Reading& reading, const TomlNode& node, std::string_view part, std::string message,
            std::string help = std::string(protect_example)) {
    const size_t offset = part.empty() ? std::string::npos : node.text.find(part);
    reading.error("E080",
                  offset == std::string::npos ? node.at : part_of(node, offset, part.size()),
                  std::move(message), std::move(help));
}

// "@name", "self", "any", an address, a prefix or a range.
bool check_end(Reading& reading, const TomlNode& node, std::string_view text,
               std::vector<NamedSet>& sets) {
    if (text == "self" || text == "any") {
        return true;
    }
    if (text.starts_with("@")) {
        const size_t offset = node.text.find(text);
        sets.push_back({std::string(text.substr(1)), part_of(node, offset, text.size())});
        return true;
    }
    std::string_view address = text;
    if (address.starts_with("[") && address.ends_with("]")) {
        address = address.substr(1, address.size() - 2);
    }
    const AddressText parsed = parse_address_text(address);
    if (parsed.code.empty()) {
        return true;
    }
    refuse(reading, node, text,
           parsed.code == "E031" ? "'" + std::string(text) +
                                       "' is neither an address nor \"self\", \"any\" or \"@set\""
                                 : parsed.message);
    return false;
}

// "tcp/22", "icmp"
bool check_service(Reading& reading, const TomlNode& node, std::string_view text) {
    const size_t slash = text.find('/');
    const auto proto = parse_protocol(text.substr(0, slash));
    if (!proto) {
        refuse(reading, node, text, "'" + std::string(text) + "' is no PROTO/PORT");
        return false;
    }
    constexpr uint8_t with_ports[] = {6, 17, 33, 132, 136};
    const bool ports =
        std::find(std::begin(with_ports), std::end(with_ports), *proto) != std::end(with_ports);
    if (slash == std::string_view::npos) {
        if (ports) {
            refuse(reading, node, text, "'" + std::string(text) + "' needs a port");
        }
        return !ports;
    }
    const NumberText port =
        parse_number_text(text.substr(slash + 1), {NumberField::port, false, true, false, {}});
    if (!ports || !port.range) {
        refuse(reading, node, text,
               ports ? port.message : "protocol " + protocol_name(*proto) + " has no ports");
        return false;
    }
    return true;
}

} // namespace

void check_protect(Reading& reading, const TomlNode& node, std::vector<NamedSet>& sets) {
    const std::string_view text = node.text;
    const size_t arrow = text.find("->");
    if (arrow == std::string_view::npos) {
        refuse(reading, node, {}, "a protected flow is written SRC -> DST:PROTO/PORT");
        return;
    }
    const std::string_view target = trim(text.substr(arrow + 2));
    const size_t colon = target.rfind(':');
    if (colon == std::string_view::npos || target.find(']', colon) != std::string_view::npos) {
        refuse(reading, node, target, "the destination has no :PROTO/PORT");
        return;
    }
    if (check_end(reading, node, trim(text.substr(0, arrow)), sets) &&
        check_end(reading, node, target.substr(0, colon), sets)) {
        (void)check_service(reading, node, target.substr(colon + 1)); // ignoring: it has reported
    }
}

void check_probe(Reading& reading, const TomlNode& node) {
    const std::string_view text = node.text;
    if (text.starts_with("exec:/")) {
        return;
    }
    const size_t colon = text.rfind(':');
    if (text.starts_with("tcp:") && colon > 4 && colon + 1 < text.size()) {
        std::string_view host = text.substr(4, colon - 4);
        if (host.starts_with("[") && host.ends_with("]")) {
            host = host.substr(1, host.size() - 2);
        }
        const auto port = parse_number(text.substr(colon + 1));
        if (parse_address(host) && port && *port > 0 && *port <= UINT16_MAX) {
            return;
        }
    }
    reading.error("E081", node.at, "'" + node.text + "' is no probe",
                  "\"tcp:10.0.0.1:2379\" or \"exec:/path/of/a/program\"");
}

} // namespace pc
