// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/address_names.h"

#include <algorithm>
#include <utility>

namespace pc::inspect {

namespace {

// A name that the question leads to, and how long that holds.
struct Link {
    std::string name;
    uint32_t ttl_s = 0;
};

// From the question's name over its CNAMEs, in whatever order they stand.
std::vector<Link> chain_of(const DnsMessage& answer) {
    std::vector<Link> chain = {{answer.name, address_name_ttl_max_s}};
    while (chain.size() <= cname_chain_max) {
        const Link last = chain.back();
        const auto next = std::find_if(
            answer.answers.begin(), answer.answers.end(), [&last](const DnsAnswer& record) {
                return record.type == dns_cname && record.name == last.name;
            });
        if (next == answer.answers.end()) {
            break;
        }
        chain.push_back({next->target, std::min(last.ttl_s, next->ttl_s)});
    }
    return chain;
}

bool is_host_name(const std::string& name) {
    return !name.empty() && name != "." && name.find('\\') == std::string::npos;
}

} // namespace

void AddressNames::insert(Entry entry) {
    if (const auto found = entries_.find(entry.address); found != entries_.end()) {
        order_.erase(found->second);
        entries_.erase(found);
    }
    order_.push_back(std::move(entry));
    entries_[order_.back().address] = std::prev(order_.end());
    if (order_.size() > entries_max_) {
        entries_.erase(order_.front().address);
        order_.pop_front();
    }
}

void AddressNames::learn(const DnsMessage& answer, uint64_t now_ms) {
    if (!answer.response || answer.rcode != 0 || answer.opcode != 0 || !is_host_name(answer.name)) {
        return;
    }
    const std::vector<Link> chain = chain_of(answer);
    for (const DnsAnswer& record : answer.answers) {
        const auto link = std::find_if(chain.begin(), chain.end(), [&record](const Link& each) {
            return each.name == record.name;
        });
        if (!record.address || link == chain.end()) {
            continue;
        }
        const uint32_t ttl_s = std::clamp(std::min(link->ttl_s, record.ttl_s),
                                          address_name_ttl_min_s, address_name_ttl_max_s);
        insert({*record.address, answer.name, now_ms + uint64_t{1000} * ttl_s});
    }
}

std::optional<std::string> AddressNames::name_of(const Address& address, uint64_t now_ms) const {
    const auto found = entries_.find(address);
    if (found == entries_.end() || found->second->ends_ms <= now_ms) {
        return std::nullopt;
    }
    return found->second->name;
}

} // namespace pc::inspect
