// SPDX-License-Identifier: GPL-3.0-or-later
// Which name a client asked for when it was told an address: a name for flows that say none. Pure:
// the caller gives the time. It is a guess, as many names share an address, so what a flow says
// itself goes before; and it is only as good as the resolver, so only answers to questions that a
// client of ours asked should be learned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>

#include "ctl/inspect/dns_message.h"
#include "rules/net.h"

namespace pc::inspect {

// Clients connect some time after the answer, whatever its TTL says.
constexpr uint32_t address_name_ttl_min_s = 60;
constexpr uint32_t address_name_ttl_max_s = 3600;
constexpr size_t cname_chain_max = 16;

class AddressNames {
public:
    // With more than `entries_max` addresses, the one that was learned the longest time ago goes.
    explicit AddressNames(size_t entries_max) : entries_max_(entries_max) {}

    // The addresses in an answer without error, by way of its CNAMEs, get the name of the question.
    // The last answer about an address counts.
    void learn(const DnsMessage& answer, uint64_t now_ms);

    [[nodiscard]] std::optional<std::string> name_of(const Address& address, uint64_t now_ms) const;

    [[nodiscard]] size_t size() const { return order_.size(); }

private:
    struct Entry {
        Address address;
        std::string name;
        uint64_t ends_ms = 0;
    };

    void insert(Entry entry);

    size_t entries_max_;
    std::list<Entry> order_; // learned longest ago first
    std::map<Address, std::list<Entry>::iterator> entries_;
};

} // namespace pc::inspect
