// SPDX-License-Identifier: GPL-3.0-or-later
// The lists of a generation as it is compiled. Each list goes into the record itself if it fits
// (one prefix, one range, everything); otherwise into a numbered set, which equal lists share.
#pragma once

#include "rules/plan.h"
#include "rules/resolve.h"

namespace pc {

// One instance for one generation.
class PlanLists {
public:
    PlanLists(const RuleSet& rules, const Environment& environment);

    // `set` 0: `prefix`, of length 0 if the families say it all. No families: the list is empty.
    struct Addresses {
        uint16_t set = 0;
        Prefix prefix;
        uint8_t families = 0; // pc_family_bit
    };

    // `set` 0: the range.
    struct Numbers {
        uint16_t set = 0;
        uint16_t low = 0;
        uint16_t high = 0;
        bool empty = false;
    };

    // `set` 0: every byte.
    struct Bytes {
        uint16_t set = 0;
        bool empty = false;
    };

    // `set` 0: every address.
    struct Macs {
        uint16_t set = 0;
        bool negated = false;
        bool empty = false;
    };

    [[nodiscard]] Result<Addresses> addresses(const std::vector<AddressItem>& items,
                                              const std::vector<AddressItem>& excluded);
    [[nodiscard]] Result<Numbers> numbers(const std::vector<NumberItem>& items, uint32_t highest);
    [[nodiscard]] Result<Numbers> vlans(const std::vector<NumberItem>& items);
    [[nodiscard]] Result<Bytes> bytes(const std::vector<NumberItem>& items);
    [[nodiscard]] Result<Bytes> tcp_flags(const std::vector<TcpFlagsItem>& items);
    [[nodiscard]] Result<uint64_t> dscp(const std::vector<NumberItem>& items);
    [[nodiscard]] Result<Macs> macs(const std::vector<MacItem>& items);

    // Hands over all lists.
    void move_to(Plan& plan);

private:
    [[nodiscard]] Result<void> add_dynamic(const std::vector<AddressItem>& items,
                                           const std::vector<AddressItem>& excluded,
                                           PlanList& list);
    [[nodiscard]] Result<Addresses> placed(PlanList list);
    [[nodiscard]] Result<Numbers> placed(const pc_number_set& numbers);
    [[nodiscard]] Result<Bytes> placed(const pc_byte_set& bytes);

    Resolver resolver_;
    // By what they were written as, so that a large set named by many rules is resolved once.
    std::map<std::string, Addresses> written_;
    std::vector<PlanList> lists_;
    std::map<std::vector<uint64_t>, uint16_t> number_lists_;
    std::map<std::array<uint64_t, 4>, uint16_t> byte_lists_;
    std::vector<pc_number_set> number_sets_;
    std::vector<pc_byte_set> byte_sets_;
    std::vector<std::vector<MacAddress>> mac_lists_;
    size_t mac_count_ = 0;
};

} // namespace pc
