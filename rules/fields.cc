// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/fields.h"

#include <algorithm>

#include "rules/print.h"
#include "rules/words.h"

namespace pc {

namespace {

constexpr uint32_t seconds_per_minute = 60;
constexpr uint32_t seconds_per_hour = 3600;
constexpr uint32_t seconds_per_day = 24 * seconds_per_hour;

FieldValue quoted(std::string_view text) {
    return {std::string(text), true};
}

FieldValue bare(std::string text) {
    return {std::move(text), false};
}

FieldValue yes_or_no(bool value) {
    return bare(value ? "true" : "false");
}

FieldValue hex(uint32_t value) {
    return bare(hex_word(value));
}

// A number is bare; whatever else is in the word has to be quoted.
FieldValue number(std::string word) {
    const bool plain = word.find_first_not_of("0123456789") == std::string::npos;
    return {std::move(word), !plain};
}

void scalar(Fields& fields, std::string_view key, FieldValue value) {
    fields.push_back({std::string(key), {std::move(value)}, false});
}

void list(Fields& fields, std::string_view key, std::vector<FieldValue> values) {
    if (!values.empty()) {
        fields.push_back({std::string(key), std::move(values), true});
    }
}

void texts(Fields& fields, std::string_view key, const std::vector<std::string>& words) {
    std::vector<FieldValue> values;
    values.reserve(words.size());
    for (const std::string& word : words) {
        values.push_back(quoted(word));
    }
    list(fields, key, std::move(values));
}

template <typename Item>
void items(Fields& fields, std::string_view key, const std::vector<Item>& from) {
    std::vector<FieldValue> values;
    values.reserve(from.size());
    for (const Item& item : from) {
        values.push_back(quoted(word_of(item)));
    }
    list(fields, key, std::move(values));
}

void numbers(Fields& fields, std::string_view key, const std::vector<NumberItem>& from,
             NumberKind kind = NumberKind::plain) {
    std::vector<FieldValue> values;
    values.reserve(from.size());
    for (const NumberItem& item : from) {
        values.push_back(number(word_of(item, kind)));
    }
    list(fields, key, std::move(values));
}

std::string_view log_word(Log log) {
    switch (log) {
    case Log::none:
        return "none";
    case Log::sampled:
        return "sampled";
    case Log::all:
        return "all";
    }
    return {};
}

std::string_view mode_word(XdpMode mode) {
    switch (mode) {
    case XdpMode::automatic:
        return "auto";
    case XdpMode::native:
        return "native";
    case XdpMode::generic:
        return "generic";
    }
    return {};
}

std::string_view type_word(SetType type) {
    switch (type) {
    case SetType::prefix:
        return "prefix";
    case SetType::port:
        return "port";
    case SetType::proto:
        return "proto";
    case SetType::name:
        return "name";
    }
    return {};
}

std::string_view fragments_word(pc_fragments fragments) {
    return fragments == PC_FRAGMENTS_ACCEPT         ? "accept"
           : fragments == PC_FRAGMENTS_ACCEPT_FIRST ? "accept-first"
                                                    : "drop";
}

std::string_view boot_word(Safety::OnBootError choice) {
    switch (choice) {
    case Safety::OnBootError::last_good:
        return "last-good";
    case Safety::OnBootError::open:
        return "open";
    case Safety::OnBootError::closed:
        return "closed";
    }
    return {};
}

std::string_view verdict_word(bool accept) {
    return accept ? "accept" : "drop";
}

std::string duration(uint32_t seconds) {
    if (seconds > seconds_per_day && seconds % seconds_per_day == 0) {
        return std::to_string(seconds / seconds_per_day) + "d";
    }
    if (seconds != 0 && seconds % seconds_per_hour == 0) {
        return std::to_string(seconds / seconds_per_hour) + "h";
    }
    if (seconds != 0 && seconds % seconds_per_minute == 0) {
        return std::to_string(seconds / seconds_per_minute) + "m";
    }
    return std::to_string(seconds) + "s";
}

FieldValue mark_value(const Mark& mark) {
    FieldValue value = hex(mark.value);
    return mark.mask == UINT32_MAX ? value : quoted(value.text + "/" + hex(mark.mask).text);
}

// "src/24,src6/56"; what is as always is left out.
std::string side_text(const std::string& side, const PrefixLengths& lengths,
                      const PrefixLengths& usual) {
    const std::string v6 = side + "6/" + std::to_string(lengths.v6);
    if (lengths.v4 == usual.v4) {
        return lengths.v6 == usual.v6 ? side : v6;
    }
    const std::string v4 = side + "/" + std::to_string(lengths.v4);
    return lengths.v6 == usual.v6 ? v4 : v4 + "," + v6;
}

std::string per_text(const Limit& limit) {
    const std::string src = side_text("src", limit.src, Limit().src);
    const std::string dst = side_text("dst", limit.dst, Limit().dst);
    switch (limit.per) {
    case Limit::Per::rule:
        return "rule";
    case Limit::Per::src:
        return src;
    case Limit::Per::dst:
        return dst;
    case Limit::Per::src_dst:
        return src + "+" + dst;
    case Limit::Per::zone:
        return "zone";
    }
    return {};
}

std::string_view over_word(Limit::Over over) {
    switch (over) {
    case Limit::Over::drop:
        return "drop";
    case Limit::Over::reject:
        return "reject";
    case Limit::Over::mark:
        return "mark";
    case Limit::Over::log:
        return "log";
    }
    return {};
}

} // namespace

Fields fields_of(const Match& match) {
    Fields fields;
    items(fields, "in", match.in);
    items(fields, "out", match.out);
    numbers(fields, "proto", match.proto, NumberKind::proto);
    numbers(fields, "sport", match.sport);
    numbers(fields, "dport", match.dport);
    numbers(fields, "icmp_type", match.icmp_type);
    numbers(fields, "icmp_code", match.icmp_code);
    items(fields, "tcp_flags", match.tcp_flags);
    items(fields, "src", match.src);
    items(fields, "dst", match.dst);
    texts(fields, "frag", fragment_words(match.frags));
    numbers(fields, "len", match.len, NumberKind::len);
    numbers(fields, "dscp", match.dscp);
    numbers(fields, "ttl", match.ttl);
    numbers(fields, "vlan", match.vlan, NumberKind::vlan);
    items(fields, "src_mac", match.src_mac);
    items(fields, "state", match.states);
    return fields;
}

Fields fields_of(const Rule& rule) {
    Fields fields;
    scalar(fields, "priority", bare(std::to_string(rule.priority)));
    scalar(fields, "disabled", yes_or_no(rule.disabled));
    if (rule.until) {
        scalar(fields, "until", bare(word_of(*rule.until)));
    }
    const Fields match = fields_of(rule.match);
    fields.insert(fields.end(), match.begin(), match.end());
    scalar(fields, "action", quoted(to_string(rule.action)));
    if (rule.action == Action::inspect) {
        scalar(fields, "inspect", quoted(rule.inspect));
    }
    if (rule.action == Action::mark) {
        scalar(fields, "mark", mark_value(rule.mark));
    }
    if (!rule.limit.empty()) {
        scalar(fields, "limit", quoted(rule.limit));
    }
    scalar(fields, "keep_flows", yes_or_no(rule.keep_flows));
    scalar(fields, "log", quoted(log_word(rule.log)));
    scalar(fields, "note", quoted(rule.note));
    texts(fields, "tags", rule.tags);
    return fields;
}

Fields fields_of(const Set& set) {
    Fields fields;
    scalar(fields, "type", quoted(type_word(set.type)));
    const NumberKind kind = set.type == SetType::proto ? NumberKind::proto : NumberKind::plain;
    items(fields, "items", set.addresses);
    numbers(fields, "items", set.numbers, kind);
    texts(fields, "items", set.names);
    texts(fields, "file", set.files);
    items(fields, "exclude", set.exclude);
    numbers(fields, "exclude", set.exclude_numbers, kind);
    if (set.dynamic) {
        const DynamicSet fresh;
        const DynamicSet& dynamic = *set.dynamic;
        scalar(fields, "dynamic", yes_or_no(true));
        if (dynamic.ttl_s != fresh.ttl_s) {
            scalar(fields, "ttl", quoted(duration(dynamic.ttl_s)));
        }
        if (dynamic.entries_max != fresh.entries_max) {
            scalar(fields, "max", bare(std::to_string(dynamic.entries_max)));
        }
        if (dynamic.persist != fresh.persist) {
            scalar(fields, "persist", yes_or_no(dynamic.persist));
        }
    }
    return fields;
}

Fields fields_of(const Zone& zone) {
    Fields fields;
    texts(fields, "interfaces", zone.interfaces);
    std::vector<FieldValue> vlans;
    for (const uint32_t vlan : zone.vlans) {
        vlans.push_back(number(word_of(vlan, NumberKind::vlan)));
    }
    list(fields, "vlan", std::move(vlans));
    items(fields, "prefixes", zone.prefixes);
    scalar(fields, "mode", quoted(mode_word(zone.mode)));
    scalar(fields, "frags", yes_or_no(zone.frags));
    scalar(fields, "established", yes_or_no(zone.established));
    if (zone.default_action) {
        scalar(fields, "default", quoted(to_string(*zone.default_action)));
    }
    return fields;
}

Fields fields_of(const Host& host) {
    Fields fields;
    scalar(fields, "name", quoted(host.name));
    items(fields, "management", host.management);
    items(fields, "local", host.local);
    return fields;
}

Fields fields_of(const Defaults& defaults) {
    Fields fields;
    scalar(fields, "action", quoted(to_string(defaults.action)));
    scalar(fields, "log", quoted(log_word(defaults.log)));
    scalar(fields, "sample", quoted(std::to_string(defaults.sample_per_second) + "/s"));
    scalar(fields, "family",
           quoted(!defaults.family                 ? "both"
                  : *defaults.family == Family::v4 ? "ipv4"
                                                   : "ipv6"));
    scalar(fields, "fragments", quoted(fragments_word(defaults.fragments)));
    scalar(fields, "unparseable", quoted(verdict_word(defaults.unparseable_accept)));
    scalar(fields, "non_ip", quoted(verdict_word(defaults.non_ip_accept)));
    return fields;
}

Fields fields_of(const Safety& safety) {
    Fields fields;
    scalar(fields, "confirm", quoted(duration(safety.confirm_seconds)));
    scalar(fields, "on_boot_error", quoted(boot_word(safety.on_boot_error)));
    scalar(fields, "refuse_lockout", yes_or_no(safety.refuse_lockout));
    scalar(fields, "lookup_budget", bare(std::to_string(safety.lookup_budget)));
    texts(fields, "protect", safety.protect);
    texts(fields, "probes", safety.probes);
    return fields;
}

Fields fields_of(const Flows& flows) {
    Fields fields;
    scalar(fields, "max", bare(std::to_string(flows.max)));
    scalar(fields, "loose", yes_or_no(flows.loose));
    if (flows.per_source) {
        scalar(fields, "per_source", bare(std::to_string(*flows.per_source)));
    }
    scalar(fields, "new",
           flows.new_rate.count == 0 ? bare("0") : quoted(to_string(flows.new_rate)));
    for (size_t state = 0; state < flow_timeout_keys.size(); ++state) {
        scalar(fields, flow_timeout_keys.at(state), quoted(duration(flows.timeouts_s.at(state))));
    }
    scalar(fields, "log", quoted(log_word(flows.log)));
    return fields;
}

Fields fields_of(const Guard& guard) {
    Fields fields;
    scalar(fields, "syn_protect",
           quoted(guard.syn_protect == PC_SYN_PROTECT_OFF    ? "off"
                  : guard.syn_protect == PC_SYN_PROTECT_AUTO ? "auto"
                                                             : "on"));
    scalar(fields, "syn_trigger", bare(std::to_string(guard.syn_trigger)));
    scalar(fields, "sources",
           quoted(guard.sources == PC_GUARD_OFF   ? "off"
                  : guard.sources == PC_GUARD_LOG ? "log"
                                                  : "block"));
    scalar(fields, "sources_above", quoted(to_string(guard.sources_above)));
    scalar(fields, "block_for", quoted(duration(guard.block_for_s)));
    scalar(fields, "prefix", quoted(side_text("src", guard.prefix, PrefixLengths{})));
    items(fields, "except", guard.except);
    return fields;
}

Fields fields_of(const Limit& limit) {
    Fields fields;
    scalar(fields, "per", quoted(per_text(limit)));
    if (limit.rate.count != 0) {
        scalar(fields, "rate", quoted(to_string(limit.rate)));
    }
    if (limit.burst) {
        const bool bytes = limit.rate.of == Rate::Of::bytes;
        scalar(fields, "burst",
               bytes ? quoted(bytes_text(*limit.burst)) : bare(std::to_string(*limit.burst)));
    }
    scalar(fields, "over", quoted(over_word(limit.over)));
    if (limit.over == Limit::Over::mark) {
        scalar(fields, "mark", mark_value(limit.mark));
    }
    return fields;
}

Fields without_defaults(const Fields& fields, const Fields& fresh,
                        const std::vector<std::string_view>& always) {
    Fields kept;
    for (const Field& field : fields) {
        const Field* same = find_field(fresh, field.key);
        const bool named = std::find(always.begin(), always.end(), field.key) != always.end();
        if (named || same == nullptr || *same != field) {
            kept.push_back(field);
        }
    }
    return kept;
}

const Field* find_field(const Fields& fields, std::string_view key) {
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [key](const Field& field) { return field.key == key; });
    return found == fields.end() ? nullptr : &*found;
}

std::string values_text(const Field& field, std::string_view separator, size_t values_max) {
    std::vector<std::string> words;
    for (const FieldValue& value : field.values) {
        words.push_back(value.text);
    }
    return join(words, separator, values_max);
}

} // namespace pc
