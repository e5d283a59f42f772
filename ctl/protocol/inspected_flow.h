// SPDX-License-Identifier: GPL-3.0-or-later
// A flow as the inspector knows it, on its way to the daemon and to the operator; and which of them
// somebody asks for. Pure: daemon and inspector filter and sort alike, each its own part of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ctl/protocol/protocol.h"
#include "rules/net.h"

namespace pc::protocol {

struct FlowEnd {
    Address address;
    uint16_t port = 0; // host order

    bool operator==(const FlowEnd&) const = default;
};

// `terminated`: the inspector is an end of it, or relays its datagrams. `peeked`: it waits for a
// verdict. `released`: it goes by the inspector, by the kernel's table. `denied`: it was looked at,
// and its packets are dropped there.
enum class InspectedWay : uint8_t { terminated, peeked, released, denied };

struct InspectedFlow {
    FlowEnd src, dst; // the client before NAT; the original destination
    FlowEnd nat;      // the client as the WAN sees it
    uint8_t proto = 6;
    InspectedWay way{};
    std::string protocol; // "tls", "http", "quic", "dns"; empty: none of these, or not known yet
    std::string inspect, rule;
    std::string name;                  // of the server; empty: none
    std::string verdict = "undecided"; // "allow", "deny"
    std::string reason;
    std::string inspect_rule; // empty: none
    uint64_t bytes_sent = 0;  // by the client
    uint64_t bytes_received = 0;
    double age_s = 0;
};

[[nodiscard]] std::string_view word_of(InspectedWay way);

// With the flow_id, which is made of the rest.
[[nodiscard]] Json inspected_object(const InspectedFlow& flow);

// EPROTO: addresses, ports, protocol or way are none. Texts are cut to 255 bytes.
[[nodiscard]] Result<InspectedFlow> inspected_in(const Json& object);

// All that is set has to fit.
struct InspectedFilter {
    std::optional<Prefix> host; // either side
    std::optional<Prefix> src, dst;
    std::optional<uint16_t> port; // either side
    std::optional<uint16_t> sport, dport;
    std::optional<uint8_t> proto;
    std::optional<Family> family;
    std::string inspect, rule, verdict, way;
    std::string name; // itself, and all below it

    [[nodiscard]] bool fits(const InspectedFlow& flow) const;

    bool operator==(const InspectedFilter&) const = default;
};

// What a filter says of an address; none for an empty text, EINVAL for what is no prefix.
[[nodiscard]] Result<std::optional<Prefix>> prefix_of_filter(const std::string& text);

// Of {"src": "10.0.0.0/8", "port": 443, "name": "example.org", "verdict": "deny", ...}. EINVAL: a
// value that is none, or a word that there is not.
[[nodiscard]] Result<InspectedFilter> inspected_filter(const Json& words);

enum class InspectedOrder : uint8_t { bytes, age }; // the most first; the youngest first

// "bytes", "age", or nothing: bytes.
[[nodiscard]] Result<InspectedOrder> inspected_order(const std::string& word);

// The first rows of all that are added; needs memory for twice as many.
class InspectedRows {
public:
    InspectedRows(InspectedOrder order, size_t limit) : order_(order), limit_(limit) {}

    void add(InspectedFlow flow);

    // How many more there were that have no row.
    void add_count(uint64_t more) { added_ += more; }

    [[nodiscard]] uint64_t added() const { return added_; }

    [[nodiscard]] std::vector<InspectedFlow> take(); // in order

private:
    void keep_first();

    InspectedOrder order_;
    size_t limit_;
    uint64_t added_ = 0;
    std::vector<InspectedFlow> rows_;
};

} // namespace pc::protocol
