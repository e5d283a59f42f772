// SPDX-License-Identifier: GPL-3.0-or-later
// Random conversations: the state of every packet, its verdict and the entry of its flow equal what
// tests/support/flow_reference.h says. PC_SEED, PC_SEQUENCES and PC_PACKETS make longer runs, and
// repeat one.
#include <cstdio>
#include <cstring>
#include <ctime>

#include <catch2/catch.hpp>
#include <linux/bpf.h>

#include "rules/meaning.h"
#include "rules/parse.h"
#include "tests/bpf/harness.h"
#include "tests/support/random_flows.h"
#include "tests/support/verdicts.h"

namespace pc::test {
namespace {

const std::string zones_open = R"(
schema = 1
[zone.wan]
interfaces = "wan0"
[zone.lan]
interfaces = "lan0"
)";

// Out of the lan all, into it answers and one port.
const std::string zones_stateful = R"(
schema = 1
[zone.wan]
interfaces = "wan0"
established = true
default = "drop"
[zone.lan]
interfaces = "lan0"
)";

// Each packet is counted under its state, unless the zone accepts known flows before the rules.
const std::string by_state = R"(
max = 1024
per_source = 0
new = "0/s"
[[rule]]
name = "new"
state = "new"
action = "count"
[[rule]]
name = "established"
state = "established"
action = "count"
[[rule]]
name = "related"
state = "related"
action = "count"
[[rule]]
name = "invalid"
state = "invalid"
action = "count"
)";

const std::string open_port = R"(
[[rule]]
name = "open"
proto = ["tcp", "udp"]
dport = 443
state = "new"
action = "accept"
)";

// Of any state, SYNs with data among them.
const std::string some_dropped = R"(
[[rule]]
name = "some"
len = ["60-80", "300-500", "1000-1200"]
action = "drop"
)";

constexpr uint32_t margin_s = 3; // how long a sequence may take
constexpr std::array<uint32_t, 8> pauses_s{5, 16, 20, 35, 70, 130, 240, 700};

RuleSet parsed(const std::string& text) {
    const ReadFiles none = [](std::string_view,
                              std::string_view) -> Result<std::vector<SourceFile>> {
        return Error{ENOENT, "no files here"};
    };
    Parsed parsed = parse({.path = "rules.toml", .text = text}, none);
    INFO(render(parsed.diagnostics, parsed.rules.files, ""));
    REQUIRE_FALSE(parsed.diagnostics.has_errors());
    return parsed.rules;
}

struct Totals {
    size_t packets = 0, dropped = 0, flows = 0;
    std::map<pc_state_bit, size_t> states;
    std::map<pc_flow_state, size_t> flow_states;
};

struct Place {
    const pc_flow_entry* entry = nullptr;
    size_t low = 0; // the entry's side of the lower endpoint
};

bool is_side(const pc_flow_entry& entry, size_t side, const Endpoint& endpoint) {
    const size_t size = endpoint.address.family == Family::v4 ? 4 : 16;
    return PC_WHERE_FAMILY(entry.where) == (size == 4 ? 4 : 6) &&
           entry.port[side] == endpoint.port &&
           std::memcmp(static_cast<const void*>(entry.addr[side]), endpoint.address.bytes.data(),
                       size) == 0;
}

// One that is over may still be there, besides the one that is not.
Place place_of(const FlowReference::Key& key) {
    const FlowMemory& flows = Harness::get().flows();
    Place found;
    for (const pc_flow_entry& entry : flows.entries) {
        Place place{.entry = &entry};
        if ((entry.flags & PC_FLOW_LIVE) == 0 || entry.proto != key.first ||
            (found.entry != nullptr && found.entry->deadline > place.entry->deadline)) {
            continue;
        }
        for (place.low = 0; place.low < 2; place.low++) {
            if (is_side(*place.entry, place.low, key.second.first) &&
                is_side(*place.entry, 1 - place.low, key.second.second)) {
                found = place;
                break;
            }
        }
    }
    return found;
}

// A packet, or time that goes by.
struct Item {
    FlowEvent event;
    uint64_t pause = 0; // ticks; 0: a packet
};

// The table and its reference, from empty on.
class Sequence {
public:
    Sequence(const RuleSet& rules, const FlowSettings& settings);

    // The difference that this makes; empty: none.
    std::string take(const Item& item, Totals& totals);

    [[nodiscard]] const FlowReference& reference() const { return reference_; }

    [[nodiscard]] uint64_t now() const { return now_; }

    // Would some flow be just over, or just not? The kernel's clock goes on meanwhile.
    [[nodiscard]] bool is_doubtful(uint64_t ticks) const;

private:
    void pass(uint64_t ticks);
    [[nodiscard]] bool is_beyond_description(const FlowPacket& packet) const;
    [[nodiscard]] std::string compare_entry(const FlowReference::Key& key);
    [[nodiscard]] std::string compare_totals() const;

    const RuleSet& rules_;
    FlowReference reference_;
    bool paused_ = false;
    uint64_t margin_; // ticks
    uint64_t now_ = 1000000;
    std::optional<int64_t> kernel_ahead_; // its ticks, less ours
};

Sequence::Sequence(const RuleSet& rules, const FlowSettings& settings)
    : rules_(rules), reference_(settings),
      margin_(settings.timeouts[PC_FLOW_TCP_SYN_SENT] * margin_s / 30) {
    // All counters of sources at once would take longer than the packets; no source has too many.
    const FlowMemory& flows = Harness::get().flows();
    std::fill(flows.buckets.begin(), flows.buckets.end(), pc_flow_bucket{});
    std::fill(flows.entries.begin(), flows.entries.end(), pc_flow_entry{});
    *flows.free = pc_flow_free{};
    Harness::get().flow_globals() = pc_flow_globals{};
    Harness::get().flow_globals().seed = 0x5eed;
}

bool Sequence::is_doubtful(uint64_t ticks) const {
    const uint64_t then = now_ + ticks;
    return std::any_of(reference_.flows().begin(), reference_.flows().end(), [&](const auto& each) {
        const uint64_t deadline = each.second.deadline;
        return deadline + margin_ >= then && deadline <= then + margin_;
    });
}

// The deadlines come nearer.
void Sequence::pass(uint64_t ticks) {
    now_ += ticks;
    for (pc_flow_entry& entry : Harness::get().flows().entries) {
        entry.deadline -= static_cast<uint32_t>(ticks);
    }
    kernel_ahead_ =
        kernel_ahead_ ? std::optional(*kernel_ahead_ - static_cast<int64_t>(ticks)) : std::nullopt;
    paused_ = true;
}

std::string differs(const std::string& what, uint64_t expected, uint64_t got) {
    return expected == got ? ""
                           : what + " expected " + std::to_string(expected) + ", got " +
                                 std::to_string(got) + "; ";
}

std::string compare_side(const Flow& flow, const Place& place, const Endpoint& endpoint,
                         size_t side) {
    const FlowSide& expected = flow.sides.at(endpoint);
    const pc_flow_entry& entry = *place.entry;
    const std::string name = endpoint == flow.origin ? "origin " : "other ";
    std::string text = differs(name + "packets", expected.packets, entry.packets[side]) +
                       differs(name + "bytes", expected.bytes, entry.bytes[side]);
    if (!expected.known) {
        return text;
    }
    text += differs(name + "end", expected.end, entry.end[side]) +
            differs(name + "maxend", expected.maxend, entry.maxend[side]) +
            differs(name + "maxwin", expected.maxwin, entry.maxwin[side]) +
            differs(name + "fin", expected.fin ? 1 : 0, (entry.sides[side] & PC_SIDE_FIN) != 0);
    if (expected.acked) {
        text += differs(name + "acked", *expected.acked, entry.acked[side]);
    }
    return text;
}

std::string Sequence::compare_entry(const FlowReference::Key& key) {
    const Flow* flow = reference_.find(key, now_);
    const Place place = place_of(key);
    if (flow == nullptr) {
        return place.entry == nullptr || paused_ ? "" : "a flow that should not be; ";
    }
    if (place.entry == nullptr) {
        return "no entry of the flow; ";
    }
    std::string text = differs("state", flow->state, place.entry->state);
    text += is_side(*place.entry, PC_WHERE_ORIGIN(place.entry->where), flow->origin)
                ? ""
                : "other origin; ";
    text += compare_side(*flow, place, key.second.first, place.low) +
            compare_side(*flow, place, key.second.second, 1 - place.low);
    const int64_t ahead = int64_t{place.entry->deadline} - static_cast<int64_t>(flow->deadline);
    kernel_ahead_ = kernel_ahead_.value_or(ahead);
    const int64_t late = ahead - *kernel_ahead_;
    if (late < 0 || late > static_cast<int64_t>(margin_)) {
        text += "deadline off by " + std::to_string(late) + " ticks; ";
    }
    return text;
}

// A flow that a RST ended before its other side began: until a SYN comes there is nothing to hold
// its packets against.
bool Sequence::is_beyond_description(const FlowPacket& packet) const {
    const Flow* flow = reference_.find(FlowReference::key_of(packet), now_);
    return packet.proto == proto_tcp && flow != nullptr && flow->state == PC_FLOW_TCP_CLOSED &&
           (packet.flags & (tcp_syn | tcp_ack | tcp_rst | tcp_fin)) != tcp_syn &&
           std::any_of(flow->sides.begin(), flow->sides.end(),
                       [](const auto& side) { return !side.second.known; });
}

std::string Sequence::compare_totals() const {
    uint32_t half_open = 0;
    for (const auto& [key, flow] : reference_.flows()) {
        half_open +=
            flow.state == PC_FLOW_TCP_SYN_SENT || flow.state == PC_FLOW_TCP_SYN_RECEIVED ? 1 : 0;
    }
    const pc_flow_globals& globals = Harness::get().flow_globals();
    return paused_ ? ""
                   : differs("live", reference_.flows().size(), globals.live) +
                         differs("half open", half_open, globals.half_open);
}

std::string state_of(const Outcome& outcome) {
    for (const char* state : {"new", "established", "related", "invalid"}) {
        if (outcome.rules.count(state) != 0) {
            return state;
        }
    }
    return outcome.reasons.count(PC_REASON_ESTABLISHED) != 0 ? "established"
           : outcome.reasons.count(PC_REASON_RELATED) != 0   ? "related"
                                                             : "none";
}

std::string word_of(pc_state_bit state) {
    return state == PC_STATE_NEW           ? "new"
           : state == PC_STATE_ESTABLISHED ? "established"
           : state == PC_STATE_RELATED     ? "related"
                                           : "invalid";
}

std::string Sequence::take(const Item& item, Totals& totals) {
    if (item.pause != 0) {
        pass(item.pause);
        return "";
    }
    const FlowPacket& packet = item.event.packet;
    if (is_beyond_description(packet)) {
        return "";
    }
    const std::string zone = item.event.inside ? "lan" : "wan";
    const auto answer = reference_.take(packet, item.event.inside, now_, [&](pc_state_bit state) {
        const Packet seen = packet_of(packet, zone, state);
        return verdict_of(rules_, {}, seen).verdict == Verdict::accept;
    });
    const Outcome outcome = Harness::get().run(frame_of(packet, item.event.shape), zone + "0");
    totals.packets++;
    totals.states[answer.state]++;
    totals.dropped += answer.passes ? 0 : 1;
    std::string text;
    if (state_of(outcome) != word_of(answer.state)) {
        text = "state: expected " + word_of(answer.state) + ", got " + state_of(outcome) + "; ";
    }
    text += differs("action", answer.passes ? XDP_PASS : XDP_DROP, outcome.action);
    const FlowReference::Key key = FlowReference::key_of(packet);
    const Flow* flow = reference_.find(key, now_);
    if (flow != nullptr) {
        totals.flow_states[flow->state]++;
    }
    if (is_icmp(packet.proto, packet.from.address.family) && !packet.inner && !is_echo(packet)) {
        return text + compare_totals();
    }
    return text + compare_entry(key) + compare_totals();
}

// Sequences of one rule set.
class Comparison {
public:
    Comparison(const RuleSet& rules, const FlowSettings& settings)
        : rules_(rules), settings_(settings) {}

    // The packets that lead to a difference, as few as are needed, and what it is; empty: none.
    std::string run(uint64_t seed, uint64_t packets);

    Totals totals;

private:
    [[nodiscard]] std::string difference_of(const std::vector<Item>& items) const;
    [[nodiscard]] std::string shrunk(std::vector<Item> items) const;

    const RuleSet& rules_;
    FlowSettings settings_;
};

std::string Comparison::run(uint64_t seed, uint64_t packets) {
    RandomFlows traffic(seed,
                        seed % 3 == 0 ? RandomFlows::Traffic::all : RandomFlows::Traffic::tcp);
    Dice& dice = traffic.dice();
    Sequence sequence(rules_, settings_);
    const uint64_t second = settings_.timeouts[PC_FLOW_TCP_SYN_SENT] / 30;
    std::vector<Item> items;
    while (items.size() < packets) {
        const uint64_t pause = pauses_s.at(dice.below(pauses_s.size())) * second;
        if (seed % 4 == 0 && dice.one_in(10) && !sequence.is_doubtful(pause)) {
            items.push_back({.event = {}, .pause = pause});
        } else {
            items.push_back({.event = traffic.next(sequence.reference(), sequence.now())});
        }
        if (!sequence.take(items.back(), totals).empty()) {
            return shrunk(items);
        }
    }
    totals.flows += sequence.reference().flows().size();
    return "";
}

std::string Comparison::difference_of(const std::vector<Item>& items) const {
    Sequence sequence(rules_, settings_);
    Totals ignored;
    for (const Item& item : items) {
        std::string difference = sequence.take(item, ignored);
        if (!difference.empty()) {
            return difference;
        }
    }
    return "";
}

std::string Comparison::shrunk(std::vector<Item> items) const {
    for (size_t i = items.size(); i > 0; i--) {
        std::vector<Item> fewer = items;
        fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i - 1));
        if (!difference_of(fewer).empty()) {
            items = fewer;
        }
    }
    std::string text;
    for (const Item& item : items) {
        text += item.pause != 0 ? "pause of " + std::to_string(item.pause) + " ticks"
                                : to_string(item.event.packet);
        text += "\n";
    }
    return text + difference_of(items) + "\n";
}

FlowSettings settings_of(const Plan& plan) {
    FlowSettings settings{.loose = plan.generation.flows.loose != 0};
    for (size_t i = 0; i < PC_FLOW_STATES; i++) {
        settings.timeouts.at(i) = plan.generation.flows.timeouts[i];
    }
    return settings;
}

void check_sequences(const std::string& text, size_t share) {
    const uint64_t seed = number_from("PC_SEED", static_cast<uint64_t>(std::time(nullptr)) << 16U);
    const uint64_t sequences = number_from("PC_SEQUENCES", share);
    const uint64_t packets = number_from("PC_PACKETS", 60);
    const uint64_t patience = number_from("PC_DIFFERENCES", 1);
    const RuleSet rules = parsed(text);
    Harness::get().load(rules, {});
    size_t differences = 0;
    Comparison comparison(rules, settings_of(Harness::get().plan()));
    const Totals& totals = comparison.totals;
    for (uint64_t i = 0; i < sequences && differences < patience; i++) {
        const std::string difference = comparison.run(seed + i, packets);
        if (!difference.empty()) {
            differences++;
            std::printf("%s", difference.c_str());
            FAIL_CHECK("PC_SEED=" << seed + i << " PC_SEQUENCES=1 PC_PACKETS=" << packets);
        }
    }
    std::printf("PC_SEED=%llu: %zu packets, %zu dropped, %zu flows;",
                static_cast<unsigned long long>(seed), totals.packets, totals.dropped,
                totals.flows);
    for (const auto& [state, count] : totals.states) {
        std::printf(" %s %zu", word_of(state).c_str(), count);
    }
    for (const auto& [state, count] : totals.flow_states) {
        std::printf(", %d: %zu", static_cast<int>(state), count);
    }
    std::printf("\n");
}

TEST_CASE("the state of every packet is what the reference says") {
    check_sequences(zones_open + "[flows]" + by_state, 1000);
}

TEST_CASE("a zone that accepts known flows accepts what the reference says, and no more") {
    check_sequences(zones_stateful + "[flows]" + by_state + open_port, 1000);
}

TEST_CASE("rules that drop packets of known flows") {
    check_sequences(zones_open + "[flows]" + by_state + some_dropped, 700);
    check_sequences(zones_open + "[flows]\nloose = true" + by_state + some_dropped, 300);
}

TEST_CASE("flows that are picked up in their middle") {
    check_sequences(zones_open + "[flows]\nloose = true" + by_state, 700);
    check_sequences(zones_stateful + "[flows]\nloose = true" + by_state + open_port, 700);
}

} // namespace
} // namespace pc::test
