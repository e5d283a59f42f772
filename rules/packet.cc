// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/packet.h"

#include <algorithm>
#include <charconv>

#include "rules/words.h"

namespace pc {

namespace {

constexpr uint16_t sport_default = 40000;
constexpr uint16_t dport_default = 0;
constexpr uint8_t tcp_syn = 2;
constexpr uint8_t echo_request = 8;
constexpr uint8_t echo_request6 = 128;
constexpr uint32_t dscp_max = 63;
constexpr uint32_t vlan_id_max = 4094;
constexpr uint32_t len_max = 65535;

constexpr std::array<std::string_view, 12> keys{"in",   "out",  "flags", "len",  "ttl", "dscp",
                                                "vlan", "frag", "type",  "code", "mac", "state"};

struct Word {
    std::string_view text;
    Location at;
};

struct Endpoint {
    std::optional<Address> address;
    std::optional<uint16_t> port;
    std::optional<Word> word;
};

// What has been read so far. `end` stands behind the last word.
struct Reading {
    const RuleSet& rules;
    Diagnostics& diagnostics;
    std::vector<Word> words;
    size_t next = 0;
    Location end;
    std::vector<std::pair<std::string_view, Word>> given{}; // canonical key and its value
    std::optional<Word> proto{};
    Endpoint src{}, dst{};
};

void complain(Reading& reading, std::string code, const Location& at, std::string message,
              std::string help = {}) {
    reading.diagnostics.add(
        {Severity::error, std::move(code), at, std::move(message), {}, std::move(help)});
}

std::string offer(std::string_view word, const std::vector<std::string>& candidates,
                  std::string_view otherwise = {}) {
    const std::vector<std::string> meant = did_you_mean(word, candidates);
    return meant.empty() ? std::string(otherwise) : "did you mean '" + join(meant, "', '") + "'?";
}

std::string quoted(std::string_view text) {
    return "'" + std::string(text) + "'";
}

std::vector<Word> split(std::string_view line) {
    std::vector<Word> words;
    size_t at = 0;
    while ((at = line.find_first_not_of(" \t\n", at)) != std::string_view::npos) {
        const size_t end = std::min(line.find_first_of(" \t\n", at), line.size());
        words.push_back({line.substr(at, end - at),
                         {0, 1, static_cast<uint32_t>(at + 1), 1, static_cast<uint32_t>(end)}});
        at = end;
    }
    return words;
}

// The part of a word from byte `from` on, `size` bytes.
Word part(const Word& word, size_t from, size_t size) {
    Word result{word.text.substr(from, size), word.at};
    result.at.col += static_cast<uint32_t>(from);
    result.at.end_col = result.at.col + static_cast<uint32_t>(std::max<size_t>(size, 1)) - 1;
    return result;
}

const Word* take(Reading& reading) {
    return reading.next < reading.words.size() ? &reading.words[reading.next++] : nullptr;
}

bool next_is(const Reading& reading, std::string_view text) {
    return reading.next < reading.words.size() && reading.words[reading.next].text == text;
}

std::optional<uint32_t> number(std::string_view text, uint32_t low, uint32_t high) {
    uint32_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || value < low ||
        value > high) {
        return std::nullopt;
    }
    return value;
}

// ---- PROTO SRC[:PORT] DST[:PORT]

void read_port(Reading& reading, Endpoint& endpoint, const Word& word) {
    const std::optional<uint32_t> port = number(word.text, 0, UINT16_MAX);
    if (!port) {
        complain(reading, "E205", word.at, quoted(word.text) + " is not a port",
                 "a number from 0 to 65535");
        return;
    }
    endpoint.port = static_cast<uint16_t>(*port);
}

void read_endpoint(Reading& reading, std::string_view name, Endpoint& endpoint) {
    const Word* word = take(reading);
    if (word == nullptr) {
        complain(reading, "E201", reading.end, std::string(name) + " address is missing",
                 "explain packet in ZONE PROTO SRC[:PORT] DST[:PORT]");
        return;
    }
    endpoint.word = *word;
    Word address = *word;
    const size_t colon = word->text.rfind(':');
    if (word->text.starts_with('[')) {
        const size_t close = word->text.find(']');
        const bool port_follows =
            close != std::string_view::npos && word->text.substr(close + 1).starts_with(':');
        if (close == std::string_view::npos || (close + 1 != word->text.size() && !port_follows)) {
            complain(reading, "E204", word->at, quoted(word->text) + " is not an address",
                     "with a port an IPv6 address is written [2001:db8::1]:443");
            return;
        }
        address = part(*word, 1, close - 1);
        if (port_follows) {
            read_port(reading, endpoint, part(*word, close + 2, word->text.size() - close - 2));
        }
    } else if (colon != std::string_view::npos && word->text.find(':') == colon) {
        address = part(*word, 0, colon);
        read_port(reading, endpoint, part(*word, colon + 1, word->text.size() - colon - 1));
    }
    endpoint.address = parse_address(address.text);
    const bool bracketed = word->text.starts_with('[');
    if (!endpoint.address || (bracketed && endpoint.address->family == Family::v4)) {
        complain(reading, "E204", address.at, quoted(address.text) + " is not an address",
                 "one address: 192.0.2.1, 192.0.2.1:443, 2001:db8::1 or [2001:db8::1]:443");
        endpoint.address.reset();
    }
}

void read_protocol(Reading& reading, Packet& packet) {
    const Word* word = take(reading);
    if (word == nullptr) {
        complain(reading, "E201", reading.end, "protocol is missing",
                 "explain packet in ZONE PROTO SRC[:PORT] DST[:PORT]");
        return;
    }
    reading.proto = *word;
    const std::optional<uint8_t> proto = parse_protocol(word->text);
    if (!proto) {
        const std::vector<std::string_view> names = protocol_names();
        complain(reading, "E203", word->at, "unknown protocol " + quoted(word->text),
                 offer(word->text, {names.begin(), names.end()}, "a name or a number, 0 to 255"));
        return;
    }
    packet.proto = *proto;
}

// ---- in ZONE, out ZONE

std::optional<std::string> zone_of(Reading& reading, const Word& word) {
    std::vector<std::string> names;
    for (const Zone& zone : reading.rules.zones) {
        names.push_back(zone.name);
    }
    if (std::find(names.begin(), names.end(), word.text) == names.end()) {
        const std::string all =
            names.empty() ? "the rules have no zone" : "zones here: " + join(names, " ", 8);
        complain(reading, "E202", word.at, "no zone named " + quoted(word.text),
                 offer(word.text, names, all));
    }
    return std::string(word.text);
}

// The value behind a key; remembers it, refuses it a second time.
const Word* take_value(Reading& reading, std::string_view key, const Location& at) {
    const Word* value = take(reading);
    if (value == nullptr) {
        complain(reading, "E201", reading.end, "value of " + quoted(key) + " is missing");
        return nullptr;
    }
    for (const auto& [name, word] : reading.given) {
        if (name == key) {
            complain(reading, "E209", at, quoted(key) + " is given twice");
            return nullptr;
        }
    }
    reading.given.emplace_back(key, *value);
    return value;
}

const Word* given(const Reading& reading, std::string_view key) {
    for (const auto& [name, word] : reading.given) {
        if (name == key) {
            return &word;
        }
    }
    return nullptr;
}

// ---- the rest, in any order

uint32_t bounded(Reading& reading, std::string_view key, const Word& word, uint32_t low,
                 uint32_t high, std::string_view others = {}) {
    const std::optional<uint32_t> value = number(word.text, low, high);
    if (!value) {
        complain(reading, "E208", word.at, quoted(word.text) + " is no value of " + quoted(key),
                 "a number from " + std::to_string(low) + " to " + std::to_string(high) +
                     std::string(others));
    }
    return value.value_or(low);
}

uint8_t byte(Reading& reading, std::string_view key, const Word& word, uint32_t high) {
    return static_cast<uint8_t>(bounded(reading, key, word, 0, high));
}

uint8_t read_flags(Reading& reading, const Word& word) {
    unsigned flags = 0;
    size_t at = 0;
    while (word.text != "none" && at <= word.text.size()) {
        const size_t end = std::min(word.text.find(',', at), word.text.size());
        const Word name = part(word, at, end - at);
        const std::optional<uint8_t> bit = tcp_flag_bit(name.text);
        if (!bit) {
            complain(reading, "E208", name.at, "no TCP flag named " + quoted(name.text),
                     offer(name.text, tcp_flag_names(),
                           join(tcp_flag_names(), " ") + ", as in syn,ack; or none"));
        }
        flags |= bit.value_or(0);
        at = end + 1;
    }
    return static_cast<uint8_t>(flags);
}

pc_frag_bit read_frag(Reading& reading, const Word& word) {
    for (const pc_frag_bit frag : {PC_FRAG_NONE, PC_FRAG_FIRST, PC_FRAG_LATER}) {
        if (word.text == word_of(frag)) {
            return frag;
        }
    }
    complain(reading, "E208", word.at, quoted(word.text) + " is no value of 'frag'",
             offer(word.text, {"none", "first", "non-first"}, "none, first or non-first"));
    return PC_FRAG_NONE;
}

pc_state_bit read_state(Reading& reading, const Word& word) {
    const std::optional<pc_state_bit> state = parse_state(word.text);
    if (!state) {
        complain(reading, "E208", word.at, quoted(word.text) + " is no value of 'state'",
                 offer(word.text, state_names(), join(state_names(), " ")));
    }
    return state.value_or(PC_STATE_NEW);
}

// Values that stand alone. `type` and `code` need the addresses' family: finish_icmp().
void read_option(Reading& reading, Packet& packet, std::string_view key, const Word& value) {
    if (key == "in") {
        packet.in = zone_of(reading, value);
    } else if (key == "out") {
        packet.out = zone_of(reading, value);
    } else if (key == "flags") {
        packet.tcp_flags = read_flags(reading, value);
    } else if (key == "len") {
        packet.len = bounded(reading, key, value, 0, len_max);
    } else if (key == "ttl") {
        packet.ttl = byte(reading, key, value, UINT8_MAX);
    } else if (key == "dscp") {
        packet.dscp = byte(reading, key, value, dscp_max);
    } else if (key == "vlan") {
        const bool untagged = value.text == "untagged" || value.text == "none";
        packet.vlan = PC_VLAN_NONE;
        if (!untagged) {
            packet.vlan = bounded(reading, key, value, 1, vlan_id_max, ", or untagged");
        }
    } else if (key == "frag") {
        packet.frag = read_frag(reading, value);
    } else if (key == "state") {
        packet.state = read_state(reading, value);
    } else if (key == "mac") {
        packet.src_mac = parse_mac(value.text);
        if (!packet.src_mac) {
            complain(reading, "E208", value.at, quoted(value.text) + " is not a MAC address",
                     "as in 02:00:00:00:00:01");
        }
    }
}

std::string_view canonical(std::string_view key) {
    return key == "icmp-type" || key == "icmp_type"                 ? "type"
           : key == "icmp-code" || key == "icmp_code"               ? "code"
           : key == "tcp-flags" || key == "tcp_flags"               ? "flags"
           : key == "src_mac" || key == "src-mac"                   ? "mac"
           : std::find(keys.begin(), keys.end(), key) == keys.end() ? std::string_view{}
                                                                    : key;
}

void read_options(Reading& reading, Packet& packet) {
    while (const Word* word = take(reading)) {
        const std::string_view key = canonical(word->text);
        if (key.empty()) {
            complain(reading, "E207", word->at, "unknown key " + quoted(word->text),
                     offer(word->text, {keys.begin(), keys.end()},
                           "keys here: " + join({keys.begin(), keys.end()}, " ")));
            // What follows an unknown key is most likely its value.
            if (reading.next < reading.words.size() &&
                canonical(reading.words[reading.next].text).empty()) {
                ++reading.next;
            }
            continue;
        }
        if (const Word* value = take_value(reading, key, word->at)) {
            read_option(reading, packet, key, *value);
        }
    }
}

void read_head(Reading& reading, Packet& packet) {
    if (next_is(reading, "packet")) {
        ++reading.next;
    }
    if (next_is(reading, "in")) {
        const Location at = reading.words[reading.next++].at;
        if (const Word* value = take_value(reading, "in", at)) {
            packet.in = zone_of(reading, *value);
        }
    } else if (next_is(reading, "from")) {
        const Word* from = take(reading);
        const Word* self = take_value(reading, "in", from->at);
        if (self != nullptr && self->text != "self") {
            complain(reading, "E208", self->at, quoted(self->text) + " is no value of 'from'",
                     "from self, for the router's own packet; else: in ZONE");
        }
    }
    // Of three missing words the first one is enough to hear of.
    read_protocol(reading, packet);
    if (reading.proto) {
        read_endpoint(reading, "source", reading.src);
    }
    if (reading.src.word) {
        read_endpoint(reading, "destination", reading.dst);
    }
}

// ---- what the parts mean together

void finish_addresses(Reading& reading, Packet& packet) {
    if (!reading.src.address || !reading.dst.address) {
        return;
    }
    packet.src = *reading.src.address;
    packet.dst = *reading.dst.address;
    if (packet.src.family != packet.dst.family) {
        complain(reading, "E206", reading.dst.word->at,
                 "source and destination are of different families");
        return;
    }
    const bool by_number = reading.proto->text.front() >= '0' && reading.proto->text.front() <= '9';
    const bool v4 = packet.src.family == Family::v4;
    if (!by_number && packet.proto == (v4 ? proto_icmp6 : proto_icmp)) {
        complain(reading, "E206", reading.proto->at,
                 quoted(reading.proto->text) + " does not go with " + (v4 ? "IPv4" : "IPv6"),
                 v4 ? "write icmp" : "write icmp6");
    }
}

void finish_ports(Reading& reading, Packet& packet) {
    if (has_ports(packet.proto) && packet.frag != PC_FRAG_LATER) {
        packet.sport = reading.src.port.value_or(sport_default);
        packet.dport = reading.dst.port.value_or(dport_default);
        return;
    }
    const std::string what =
        packet.frag == PC_FRAG_LATER ? "a later fragment" : protocol_name(packet.proto);
    for (const Endpoint* endpoint : {&reading.src, &reading.dst}) {
        if (endpoint->port) {
            complain(reading, "E210", endpoint->word->at, what + " has no ports");
        }
    }
}

void finish_flags(Reading& reading, Packet& packet) {
    if (packet.proto == proto_tcp && packet.frag != PC_FRAG_LATER) {
        packet.tcp_flags = packet.tcp_flags.value_or(tcp_syn);
    } else if (const Word* flags = given(reading, "flags")) {
        const std::string what =
            packet.frag == PC_FRAG_LATER ? "a later fragment" : protocol_name(packet.proto);
        complain(reading, "E210", flags->at, what + " has no TCP flags");
        packet.tcp_flags.reset();
    }
}

void finish_icmp(Reading& reading, Packet& packet) {
    const Word* type = given(reading, "type");
    const Word* code = given(reading, "code");
    const Family family = packet.src.family;
    if (!has_icmp(family, packet.proto) || packet.frag == PC_FRAG_LATER) {
        const std::string what =
            packet.frag == PC_FRAG_LATER ? "a later fragment" : protocol_name(packet.proto);
        for (const Word* word : {type, code}) {
            if (word != nullptr) {
                complain(reading, "E210", word->at, what + " has no ICMP type or code");
            }
        }
        return;
    }
    packet.icmp_type = family == Family::v4 ? echo_request : echo_request6;
    if (type != nullptr) {
        packet.icmp_type = icmp_type_number(family, type->text);
        if (!packet.icmp_type) {
            const std::optional<uint32_t> value = number(type->text, 0, UINT8_MAX);
            packet.icmp_type = static_cast<uint8_t>(value.value_or(0));
            if (!value) {
                complain(reading, "E208", type->at, "unknown ICMP type " + quoted(type->text),
                         offer(type->text, icmp_type_names(family),
                               "a number from 0 to 255, or a name such as echo-request"));
            }
        }
    }
    packet.icmp_code = code == nullptr ? uint8_t{0} : byte(reading, "code", *code, UINT8_MAX);
}

} // namespace

bool has_ports(uint8_t proto) {
    return proto == proto_tcp || proto == proto_udp || proto == proto_dccp || proto == proto_sctp ||
           proto == proto_udplite;
}

bool has_icmp(Family family, uint8_t proto) {
    return proto == (family == Family::v4 ? proto_icmp : proto_icmp6);
}

std::string describe(const Packet& packet) {
    const Family family = packet.src.family;
    std::string text = family == Family::v4 ? "ipv4 / " : "ipv6 / ";
    text += protocol_name(packet.proto);
    if (packet.tcp_flags) {
        text += " " + tcp_flags_words(*packet.tcp_flags);
    }
    if (packet.icmp_type) {
        text += " " + icmp_type_word(family, *packet.icmp_type);
        text +=
            packet.icmp_code.value_or(0) == 0 ? "" : " code " + std::to_string(*packet.icmp_code);
    }
    if (packet.frag != PC_FRAG_NONE) {
        text += packet.frag == PC_FRAG_FIRST ? ", first fragment" : ", later fragment";
    }
    if (packet.vlan != PC_VLAN_NONE) {
        text += ", vlan " + std::to_string(packet.vlan);
    }
    if (packet.state != PC_STATE_NEW) {
        text += ", " + std::string(to_string(packet.state));
    }
    return text + ", " + std::to_string(packet.len) + " bytes";
}

ParsedPacket parse_packet(std::span<const std::string> words, const RuleSet& rules) {
    ParsedPacket result;
    result.line.path = "<cli>";
    result.line.text = join({words.begin(), words.end()}, " ");
    const auto behind = static_cast<uint32_t>(result.line.text.size() + 1);
    Reading reading{
        rules, result.diagnostics, split(result.line.text), 0, {0, 1, behind, 1, behind}};
    read_head(reading, result.packet);
    read_options(reading, result.packet);
    // Of a line that could not be read, the rest would only be noise.
    if (!result.diagnostics.has_errors()) {
        finish_addresses(reading, result.packet);
    }
    if (!result.diagnostics.has_errors()) {
        finish_ports(reading, result.packet);
        finish_flags(reading, result.packet);
        finish_icmp(reading, result.packet);
    }
    sort(result.diagnostics);
    return result;
}

} // namespace pc
