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
        uint8_t set = 0;
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

    // Hands over all sets. Fails if the address lists have too many prefixes.
    [[nodiscard]] Result<void> move_to(Plan& plan);

private:
    // What a list was written as, so that a large set named by many rules is resolved once.
    using Written = std::vector<std::tuple<bool, std::string, AddressRange>>;

    [[nodiscard]] Result<Addresses> placed(AddressList list);
    [[nodiscard]] Result<Numbers> placed(const pc_number_set& numbers);
    [[nodiscard]] Result<Bytes> placed(const pc_byte_set& bytes);

    Resolver resolver_;
    std::map<std::pair<Written, Written>, Addresses> written_;
    std::map<AddressList, uint16_t> address_lists_;
    std::map<std::vector<uint64_t>, uint8_t> number_lists_;
    std::map<std::array<uint64_t, 4>, uint16_t> byte_lists_;
    std::map<std::vector<MacAddress>, uint16_t> mac_lists_;
    std::vector<pc_number_set> number_sets_;
    std::vector<pc_byte_set> byte_sets_;
    std::vector<pc_mac_key> macs_;
};

} // namespace pc
