// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/protocol/inspected_flow.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "ctl/protocol/eve_flow_id.h"

namespace pc::protocol {
namespace {

constexpr size_t text_max = 255;
constexpr std::array<InspectedWay, 4> ways{InspectedWay::terminated, InspectedWay::peeked,
                                           InspectedWay::released, InspectedWay::denied};
constexpr std::array<std::string_view, 3> verdicts{"allow", "deny", "undecided"};

std::string text_in(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string()
               ? found->get_ref<const std::string&>().substr(0, text_max)
               : "";
}

std::optional<uint64_t> number_in(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number_unsigned()
               ? std::optional(found->get<uint64_t>())
               : std::nullopt;
}

std::optional<FlowEnd> end_in(const Json& object, const char* address, const char* port) {
    const auto parsed = parse_address(text_in(object, address));
    const auto number = number_in(object, port);
    if (!parsed || !number || *number > UINT16_MAX) {
        return std::nullopt;
    }
    return FlowEnd{*parsed, static_cast<uint16_t>(*number)};
}

std::optional<InspectedWay> way_named(const std::string& word) {
    for (const InspectedWay way : ways) {
        if (word_of(way) == word) {
            return way;
        }
    }
    return std::nullopt;
}

Error unknown(const std::string& what, const std::string& word) {
    return Error{EINVAL, "there is no " + what + " '" + word + "'"};
}

// Text that may be missing. EINVAL: it is no text.
Result<std::string> word_in(const Json& words, const char* key) {
    const auto found = words.find(key);
    if (found == words.end() || found->is_null()) {
        return std::string();
    }
    if (!found->is_string()) {
        return Error{EINVAL, "parameter \"" + std::string(key) + "\" is not a string"};
    }
    return found->get<std::string>();
}

Result<std::optional<Prefix>> prefix_in(const Json& words, const char* key) {
    return prefix_of_filter(TRY(word_in(words, key)));
}

Result<std::optional<uint16_t>> port_in(const Json& words, const char* key) {
    const auto found = words.find(key);
    if (found == words.end() || found->is_null()) {
        return std::optional<uint16_t>();
    }
    const auto number = number_in(words, key);
    if (!number || *number > UINT16_MAX) {
        return Error{EINVAL, "parameter \"" + std::string(key) + "\" is no port"};
    }
    return std::optional(static_cast<uint16_t>(*number));
}

bool holds(const std::optional<Prefix>& prefix, const Address& address) {
    return !prefix || contains(*prefix, address);
}

template <typename T>
bool is(const std::optional<T>& wanted, T value) {
    return !wanted || *wanted == value;
}

bool is_word(const std::string& wanted, std::string_view value) {
    return wanted.empty() || wanted == value;
}

bool is_at_or_below(const std::string& name, const std::string& above) {
    if (above.empty() || name == above) {
        return true;
    }
    return name.size() > above.size() && name.ends_with(above) &&
           name[name.size() - above.size() - 1] == '.';
}

} // namespace

Result<std::optional<Prefix>> prefix_of_filter(const std::string& text) {
    if (text.empty()) {
        return std::optional<Prefix>();
    }
    const ParsedPrefix parsed = parse_prefix(text);
    if (parsed.error != PrefixError::none) {
        return Error{EINVAL, "'" + text + "' is not an address or prefix"};
    }
    return std::optional(parsed.prefix);
}

std::string_view word_of(InspectedWay way) {
    switch (way) {
    case InspectedWay::terminated:
        return "terminated";
    case InspectedWay::peeked:
        return "peeked";
    case InspectedWay::released:
        return "released";
    case InspectedWay::denied:
        return "denied";
    }
    return "";
}

Json inspected_object(const InspectedFlow& flow) {
    return {{"src", to_string(flow.src.address)},
            {"sport", flow.src.port},
            {"dst", to_string(flow.dst.address)},
            {"dport", flow.dst.port},
            {"nat_src", to_string(flow.nat.address)},
            {"nat_sport", flow.nat.port},
            {"proto", protocol_name(flow.proto)},
            {"way", std::string(word_of(flow.way))},
            {"app_proto", flow.protocol},
            {"inspect", flow.inspect},
            {"rule", flow.rule},
            {"name", flow.name},
            {"verdict", flow.verdict},
            {"reason", flow.reason},
            {"inspect_rule", flow.inspect_rule},
            {"bytes_sent", flow.bytes_sent},
            {"bytes_received", flow.bytes_received},
            {"age_s", flow.age_s},
            {"flow_id", eve_flow_id(flow.src.address, flow.src.port, flow.dst.address,
                                    flow.dst.port, flow.proto)}};
}

Result<InspectedFlow> inspected_in(const Json& object) {
    const auto src = end_in(object, "src", "sport");
    const auto dst = end_in(object, "dst", "dport");
    const auto nat = end_in(object, "nat_src", "nat_sport");
    const auto proto = parse_protocol(text_in(object, "proto"));
    const auto way = way_named(text_in(object, "way"));
    if (!src || !dst || !nat || !proto || !way) {
        return Error{EPROTO, "what should be a flow of the inspector is none"};
    }
    InspectedFlow flow;
    flow.src = *src;
    flow.dst = *dst;
    flow.nat = *nat;
    flow.proto = *proto;
    flow.way = *way;
    flow.protocol = text_in(object, "app_proto");
    flow.inspect = text_in(object, "inspect");
    flow.rule = text_in(object, "rule");
    flow.name = text_in(object, "name");
    flow.verdict = text_in(object, "verdict");
    flow.reason = text_in(object, "reason");
    flow.inspect_rule = text_in(object, "inspect_rule");
    flow.bytes_sent = number_in(object, "bytes_sent").value_or(0);
    flow.bytes_received = number_in(object, "bytes_received").value_or(0);
    const auto age = object.find("age_s");
    flow.age_s = age != object.end() && age->is_number() ? age->get<double>() : 0;
    return flow;
}

bool InspectedFilter::fits(const InspectedFlow& flow) const {
    return is(proto, flow.proto) && is(sport, flow.src.port) && is(dport, flow.dst.port) &&
           (!port || *port == flow.src.port || *port == flow.dst.port) &&
           is(family, flow.src.address.family) && holds(src, flow.src.address) &&
           holds(dst, flow.dst.address) &&
           (holds(host, flow.src.address) || holds(host, flow.dst.address)) &&
           is_word(inspect, flow.inspect) && is_word(rule, flow.rule) &&
           is_word(verdict, flow.verdict) && is_word(way, word_of(flow.way)) &&
           is_at_or_below(flow.name, name);
}

Result<InspectedFilter> inspected_filter(const Json& words) {
    InspectedFilter filter;
    filter.host = TRY(prefix_in(words, "host"));
    filter.src = TRY(prefix_in(words, "src"));
    filter.dst = TRY(prefix_in(words, "dst"));
    filter.port = TRY(port_in(words, "port"));
    filter.sport = TRY(port_in(words, "sport"));
    filter.dport = TRY(port_in(words, "dport"));
    filter.inspect = TRY(word_in(words, "inspect"));
    filter.rule = TRY(word_in(words, "rule"));
    filter.name = TRY(word_in(words, "name"));
    filter.verdict = TRY(word_in(words, "verdict"));
    filter.way = TRY(word_in(words, "way"));
    if (!filter.verdict.empty() &&
        std::find(verdicts.begin(), verdicts.end(), filter.verdict) == verdicts.end()) {
        return unknown("verdict", filter.verdict);
    }
    if (!filter.way.empty() && !way_named(filter.way)) {
        return unknown("way of flows", filter.way);
    }
    if (const std::string proto = TRY(word_in(words, "proto")); !proto.empty()) {
        filter.proto = parse_protocol(proto);
        if (!filter.proto) {
            return unknown("protocol", proto);
        }
    }
    const std::string family = TRY(word_in(words, "family"));
    if (family != "" && family != "ipv4" && family != "ipv6") {
        return unknown("family", family);
    }
    if (!family.empty()) {
        filter.family = family == "ipv6" ? Family::v6 : Family::v4;
    }
    return filter;
}

Result<InspectedOrder> inspected_order(const std::string& word) {
    if (word.empty() || word == "bytes") {
        return InspectedOrder::bytes;
    }
    if (word == "age") {
        return InspectedOrder::age;
    }
    return Error{EINVAL, "flows of the inspector cannot be sorted by '" + word + "'"};
}

void InspectedRows::add(InspectedFlow flow) {
    ++added_;
    rows_.push_back(std::move(flow));
    if (rows_.size() >= 2 * (limit_ + 1)) {
        keep_first();
    }
}

void InspectedRows::keep_first() {
    std::stable_sort(
        rows_.begin(), rows_.end(), [this](const InspectedFlow& a, const InspectedFlow& b) {
            switch (order_) {
            case InspectedOrder::bytes:
                return a.bytes_sent + a.bytes_received > b.bytes_sent + b.bytes_received;
            case InspectedOrder::age:
                return a.age_s < b.age_s;
            }
            return false;
        });
    rows_.resize(std::min(rows_.size(), limit_));
}

std::vector<InspectedFlow> InspectedRows::take() {
    keep_first();
    return std::exchange(rows_, {});
}

} // namespace pc::protocol
