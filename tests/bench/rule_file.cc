// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/rule_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace pc::bench {
namespace {

// As struct.pack("<...") of rulesets.py lays them out.
struct FileHead {
    std::array<char, 4> magic;
    uint32_t family, rules, sets;
};

struct FileRule {
    std::array<uint8_t, 16> src, dst;
    uint16_t sport_low, sport_high, dport_low, dport_high;
    uint16_t src_set;
    int16_t proto; // -1: any
    uint8_t src_length, dst_length;
    uint8_t flags_value, flags_mask;
    uint8_t action;
    std::array<uint8_t, 3> zero;
};

static_assert(sizeof(FileRule) == 52);

struct FilePrefix {
    std::array<uint8_t, 16> address;
    uint8_t length;
    std::array<uint8_t, 3> zero;
};

static_assert(sizeof(FilePrefix) == 20);

template <typename T>
bool read_one(std::istream& file, T& value) {
    file.read(reinterpret_cast<char*>(&value), sizeof(value));
    return static_cast<bool>(file);
}

// IPv4 stands in the first bytes, and so in the top bits.
WideAddress wide(const std::array<uint8_t, 16>& bytes) {
    WideAddress address = 0;
    for (const uint8_t byte : bytes) {
        address = address << 8 | byte;
    }
    return address;
}

using be32_words = std::array<__be32, 4>;

WideAddress wide(const be32_words& words) {
    std::array<uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), words.data(), bytes.size());
    return wide(bytes);
}

WideRange range_of_prefix(WideAddress first, unsigned length) {
    const WideAddress rest = length == 0 ? ~WideAddress{0} : (WideAddress{1} << (128 - length)) - 1;
    return {first, first | (length == 128 ? 0 : rest)};
}

Box box_of(const FileRule& rule) {
    Box box;
    box.src = range_of_prefix(wide(rule.src), rule.src_length);
    box.dst = range_of_prefix(wide(rule.dst), rule.dst_length);
    box.sport = {rule.sport_low, rule.sport_high};
    box.dport = {rule.dport_low, rule.dport_high};
    box.proto = {0, 255};
    if (rule.proto >= 0) {
        box.proto = {static_cast<uint32_t>(rule.proto), static_cast<uint32_t>(rule.proto)};
    }
    box.flags_value = rule.flags_value;
    box.flags_mask = rule.flags_mask;
    const NumberRange every_port{0, 65535};
    box.needs_ports = box.sport != every_port || box.dport != every_port ? 1 : 0;
    box.src_set = rule.src_set;
    box.action = rule.action == 0 ? Action::accept : Action::drop;
    box.src_length = rule.src_length;
    box.dst_length = rule.dst_length;
    return box;
}

AddressItem item_of(WideAddress first, uint8_t length, Family family) {
    return {.negated = false,
            .set = {},
            .range = range_of(prefix_of({first, length}, family)),
            .at = {}};
}

NumberItem item_of(const NumberRange& range) {
    return {.negated = false, .set = {}, .range = range, .at = {}};
}

struct Header {
    WideAddress src = 0, dst = 0;
    uint32_t sport = 0, dport = 0, proto = 0;
    uint8_t tcp_flags = 0;
};

Header header_at(const Trace& trace, size_t i) {
    Header header;
    const auto fill = [&header](const auto& from, const be32_words& src, const be32_words& dst) {
        header.src = wide(src);
        header.dst = wide(dst);
        header.proto = from.proto;
        if (from.proto == IPPROTO_TCP || from.proto == IPPROTO_UDP) {
            header.sport = ntohs(from.sport);
            header.dport = ntohs(from.dport);
        }
        header.tcp_flags = from.proto == IPPROTO_TCP ? from.tcp_flags : uint8_t{0};
    };
    if (trace.family == 4) {
        const bench_header& from = trace.headers[i];
        fill(from, {from.saddr}, {from.daddr});
    } else {
        const bench_header6& from = trace.headers6[i];
        fill(from, std::to_array(from.saddr), std::to_array(from.daddr));
    }
    return header;
}

bool holds(const WideRange& range, WideAddress address) {
    return range.first <= address && address <= range.last;
}

bool holds(const NumberRange& range, uint32_t number) {
    return range.low <= number && number <= range.high;
}

bool matches(const Box& box, const std::vector<std::vector<WideRange>>& sets,
             const Header& header) {
    const bool has_ports = header.proto == IPPROTO_TCP || header.proto == IPPROTO_UDP;
    if (!holds(box.dst, header.dst) || !holds(box.proto, header.proto) ||
        (box.needs_ports != 0 && !has_ports) || !holds(box.sport, header.sport) ||
        !holds(box.dport, header.dport) || (header.tcp_flags & box.flags_mask) != box.flags_value ||
        (box.flags_mask != 0 && header.proto != IPPROTO_TCP)) {
        return false;
    }
    if (box.src_set == 0) {
        return holds(box.src, header.src);
    }
    const std::vector<WideRange>& ranges = sets[box.src_set - 1U];
    const auto after =
        std::upper_bound(ranges.begin(), ranges.end(), header.src,
                         [](WideAddress a, const WideRange& range) { return a < range.first; });
    return after != ranges.begin() && holds(*std::prev(after), header.src);
}

// Disjoint and sorted.
std::vector<WideRange> ranges_of(const std::vector<WidePrefix>& prefixes) {
    std::vector<WideRange> ranges;
    ranges.reserve(prefixes.size());
    for (const WidePrefix& prefix : prefixes) {
        ranges.push_back(range_of_prefix(prefix.first, prefix.length));
    }
    std::sort(ranges.begin(), ranges.end());
    std::vector<WideRange> merged;
    for (const WideRange& range : ranges) {
        // Prefixes nest or are disjoint.
        if (merged.empty() || merged.back().last < range.last) {
            merged.push_back(range);
        }
    }
    return merged;
}

} // namespace

Result<Rules> read_rules(const std::string& path) {
    const Error broken{EINVAL, "read rules " + path + ": no rule file of rulesets.py"};
    std::ifstream file(path, std::ios::binary);
    FileHead head{};
    if (!read_one(file, head) || std::string_view(head.magic.data(), 4) != "PCBR") {
        return broken;
    }
    Rules rules;
    rules.family = head.family == 4 ? Family::v4 : Family::v6;
    for (uint32_t i = 0; i < head.rules; i++) {
        FileRule rule{};
        if (!read_one(file, rule) || rule.src_set > head.sets) {
            return broken;
        }
        rules.boxes.push_back(box_of(rule));
    }
    for (uint32_t i = 0; i < head.sets; i++) {
        uint32_t count = 0;
        if (!read_one(file, count)) {
            return broken;
        }
        std::vector<WidePrefix>& set = rules.sets.emplace_back();
        for (uint32_t j = 0; j < count; j++) {
            FilePrefix prefix{};
            if (!read_one(file, prefix)) {
                return broken;
            }
            set.push_back({wide(prefix.address), prefix.length});
        }
    }
    return rules;
}

Prefix prefix_of(const WidePrefix& prefix, Family family) {
    Prefix result{.address = {.family = family, .bytes = {}}, .length = prefix.length};
    WideAddress rest = prefix.first;
    for (size_t i = result.address.bytes.size(); i-- > 0; rest >>= 8) {
        result.address.bytes[i] = static_cast<uint8_t>(rest);
    }
    return result;
}

Rule rule_of(const Rules& rules, size_t index) {
    const Box& box = rules.boxes[index];
    const NumberRange every_port{0, 65535};
    Rule rule;
    rule.name = "r" + std::to_string(index);
    rule.priority = static_cast<uint32_t>(index) + 1;
    rule.action = box.action;
    if (box.src_set != 0) {
        AddressItem& item = rule.match.src.emplace_back();
        item.set = "s" + std::to_string(box.src_set);
    } else if (box.src_length != 0) {
        rule.match.src.push_back(item_of(box.src.first, box.src_length, rules.family));
    }
    if (box.dst_length != 0) {
        rule.match.dst.push_back(item_of(box.dst.first, box.dst_length, rules.family));
    }
    if (box.proto.low == box.proto.high) {
        rule.match.proto.push_back(item_of(box.proto));
    }
    if (box.sport != every_port) {
        rule.match.sport.push_back(item_of(box.sport));
    }
    if (box.dport != every_port) {
        rule.match.dport.push_back(item_of(box.dport));
    }
    if (box.flags_mask != 0) {
        rule.match.tcp_flags.push_back(
            {.mask = box.flags_mask, .value = box.flags_value, .at = {}});
    }
    return rule;
}

RuleSet rule_set_of(const Rules& rules) {
    RuleSet result;
    for (size_t i = 0; i < rules.sets.size(); i++) {
        Set& set = result.sets.emplace_back();
        set.name = "s" + std::to_string(i + 1);
        set.addresses.reserve(rules.sets[i].size());
        for (const WidePrefix& prefix : rules.sets[i]) {
            set.addresses.push_back(item_of(prefix.first, prefix.length, rules.family));
        }
    }
    result.rules.reserve(rules.boxes.size());
    for (size_t i = 0; i < rules.boxes.size(); i++) {
        result.rules.push_back(rule_of(rules, i));
    }
    return result;
}

std::vector<uint32_t> search(const Rules& rules, const Trace& trace, size_t count) {
    std::vector<std::vector<WideRange>> sets;
    for (const auto& prefixes : rules.sets) {
        sets.push_back(ranges_of(prefixes));
    }
    std::vector<uint32_t> answers;
    for (size_t i = 0; i < std::min(count, trace.size()); i++) {
        const Header header = header_at(trace, i);
        const auto found = std::find_if(rules.boxes.begin(), rules.boxes.end(),
                                        [&](const Box& box) { return matches(box, sets, header); });
        answers.push_back(found == rules.boxes.end()
                              ? no_rule
                              : static_cast<uint32_t>(found - rules.boxes.begin()));
    }
    return answers;
}

} // namespace pc::bench
