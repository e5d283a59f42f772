// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/audit.h"

#include <algorithm>
#include <unordered_set>

namespace pc {

namespace {

constexpr size_t per_bucket = 2;
constexpr uint32_t chain_max = 1 << 16; // longer: it is a circle

template <typename T>
T at(const Image& image, uint32_t table, size_t index) {
    return image.read<T>(static_cast<uint32_t>(table + index * sizeof(T)));
}

WideRange range_of(const EntryAddress& address) {
    const WideAddress rest =
        address.length == 0 ? ~WideAddress{0} : ~WideAddress{0} >> (address.length - 1) >> 1;
    return {.first = address.address, .last = address.address | rest};
}

bool holds(const std::vector<WideRange>& ranges, WideAddress address) {
    const auto after = std::upper_bound(
        ranges.begin(), ranges.end(), address,
        [](WideAddress wanted, const WideRange& range) { return wanted < range.first; });
    return after != ranges.begin() && std::prev(after)->last >= address;
}

class FamilyAuditor {
public:
    FamilyAuditor(const Classifier& classifier, Family family, Audit& audit)
        : classifier_(classifier), image_(classifier.image()), family_(family),
          tables_(classifier.tables(family)), head_(tables_.tables()), audit_(audit),
          result_(audit.families[family == Family::v4 ? 0 : 1]) {}

    void run() {
        read_addresses(Side::src);
        read_addresses(Side::dst);
        for (const auto& rule : classifier_.rules()) {
            for (const Entry& entry : entries_of(rule->record, classifier_.lists(), family_)) {
                check_entry(*rule, entry);
            }
        }
        check_lists(Side::src);
        check_lists(Side::dst);
        check_buckets();
        result_.tuples = tables_.tuple_count();
        result_.rows =
            tables_.rows(Side::src).places().size() + tables_.rows(Side::dst).places().size();
    }

private:
    struct Segment {
        WideAddress first = 0;
        uint32_t leaf = 0;
    };

    using Segments = std::vector<Segment>;

    void find(const std::string& what) {
        if (audit_.findings.size() < audit_findings_max) {
            audit_.findings.push_back((family_ == Family::v4 ? "IPv4: " : "IPv6: ") + what);
        }
    }

    [[nodiscard]] const Segments& segments(Side side) const {
        return side == Side::src ? src_ : dst_;
    }

    void read_addresses(Side side) {
        Segments& all = side == Side::src ? src_ : dst_;
        AddressTable::Visit visit;
        visit.leaf = [&](WideAddress first, uint32_t leaf) {
            if (!all.empty() && first < all.back().first) {
                find("ranges of addresses are out of order");
            }
            all.push_back({.first = first, .leaf = leaf});
        };
        visit.block = [&](uint32_t place, size_t bytes) {
            audit_.bytes_of_tables += bytes;
            if (place + bytes > image_.used() || !blocks_.insert(place).second) {
                find("a block of an address table is outside of the image, or used twice");
            }
        };
        tables_.addresses(side).visit(head_.addr[side == Side::src ? 0 : 1], visit);
        result_.ranges += all.size();
        for (const Segment& segment : all) {
            check_leaf(segment.leaf);
        }
    }

    // Deadlines fall from the first to the last, and the rows are inside of the image.
    void check_leaf(uint32_t leaf) {
        uint64_t before = 0;
        for (size_t depth = 0; PC_REF_TYPE(leaf) == PC_REF_TIMED; depth++) {
            const auto timed = image_.read<pc_timed>(PC_REF_PLACE8(leaf));
            if (depth >= PC_TIMED_MAX || timed.deadline_jiffies < before) {
                find("deadlines of an address are out of order or too many");
                return;
            }
            before = timed.deadline_jiffies;
            check_leaf(timed.live);
            leaf = timed.expired;
        }
        if (PC_REF_PLACE8(leaf) + size_t{head_.words} * 8 > image_.used()) {
            find("a row is outside of the image");
        }
    }

    // All rows that a leaf leads to, now and later.
    [[nodiscard]] bool every_row_has(uint32_t leaf, size_t bit) const {
        if (PC_REF_TYPE(leaf) == PC_REF_TIMED) {
            const auto timed = image_.read<pc_timed>(PC_REF_PLACE8(leaf));
            return every_row_has(timed.live, bit) && every_row_has(timed.expired, bit);
        }
        return row_has(PC_REF_PLACE8(leaf), bit);
    }

    [[nodiscard]] bool row_has(uint32_t row, size_t bit) const {
        return (at<uint64_t>(image_, row, bit / 64) >> (bit % 64) & 1) != 0;
    }

    void check_entry(const Classifier::Placed& rule, const Entry& entry) {
        const ShapedEntry shaped = tables_.shaped(entry);
        const auto tuple = tables_.tuple_of(shaped.shape);
        const std::string name = "rule id " + std::to_string(rule.id);
        result_.entries++;
        if (!tuple) {
            find(name + ": no tuple for one of its entries");
            return;
        }
        check_address(Side::src, entry.src, *tuple, name);
        check_address(Side::dst, entry.dst, *tuple, name);
        check_port(Side::src, entry.sport, *tuple, name);
        check_port(Side::dst, entry.dport, *tuple, name);
        for (uint32_t proto = 0; proto < 256; proto++) {
            if ((entry.protos[proto / 64] >> (proto % 64) & 1) != 0 &&
                !row_has(at<uint32_t>(image_, head_.protos, proto), *tuple)) {
                find(name + ": the row of protocol " + std::to_string(proto) + " lacks it");
                break;
            }
        }
        for (uint32_t zone = 0; zone < PC_ZONES_MAX; zone++) {
            if ((entry.zones >> zone & 1) != 0 &&
                !row_has(at<uint32_t>(image_, head_.zones, zone), *tuple)) {
                find(name + ": the row of zone " + std::to_string(zone) + " lacks it");
                break;
            }
        }
        check_chain(rule, shaped, *tuple, name);
    }

    // Each prefix and tuple once: many rules share them.
    void check_address(Side side, const EntryAddress& address, uint32_t tuple,
                       const std::string& name) {
        if (address.list != 0 || !seen_.insert({side, address, tuple}).second) {
            return; // lists: check_lists()
        }
        const WideRange range = range_of(address);
        const Segments& all = segments(side);
        auto segment = std::upper_bound(
            all.begin(), all.end(), range.first,
            [](WideAddress wanted, const Segment& other) { return wanted < other.first; });
        for (segment = std::prev(segment); segment != all.end() && segment->first <= range.last;
             ++segment) {
            if (!every_row_has(segment->leaf, tuple)) {
                find(name + ": the row of one of its addresses lacks it");
                return;
            }
        }
    }

    void check_port(Side side, const PortSpec& spec, uint32_t tuple, const std::string& name) {
        if (!seen_ports_.insert({side, spec, tuple}).second) {
            return;
        }
        for (const auto& [first, last] : PortTable::indexes_of(spec)) {
            for (uint32_t index = first; index <= last; index++) {
                if (!row_has(tables_.ports(side).row_of(index), tuple)) {
                    find(name + ": the row of one of its ports lacks it");
                    return;
                }
            }
        }
    }

    // By its own key, as a packet finds it.
    void check_chain(const Classifier::Placed& rule, const ShapedEntry& shaped, uint32_t tuple,
                     const std::string& name) {
        pc_key key = shaped.key;
        key.tuple = tuple;
        const auto best = at<pc_best>(image_, head_.bests, tuple);
        if (best.own > rule.priority || best.suffix > rule.priority) {
            find(name + ": its tuple says that it holds nothing so good");
        }
        uint32_t number = pc_hash(classifier_.seed(), &key) & head_.bucket_mask;
        bool behind = false;
        for (uint32_t steps = 0; steps < chain_max; steps++) {
            const auto bucket = at<pc_bucket>(image_, head_.buckets, number);
            for (size_t i = 0; i < per_bucket; i++) {
                if (bucket.priority[i] == rule.priority &&
                    PC_RULE_RECORD(bucket.rule[i]) == rule.slot && bucket.key[i] == key.addr &&
                    bucket.tag[i] == PC_TAG(tuple, key.rest) && bucket.sport[i] == shaped.sport &&
                    bucket.dport[i] == shaped.dport) {
                    result_.longest_chain = std::max<size_t>(result_.longest_chain, steps + 1);
                    if (behind) {
                        find(name + ": a bucket before it says that nothing so good follows");
                    }
                    return;
                }
            }
            behind = behind || bucket.next_best > rule.priority;
            if (bucket.next == 0) {
                break;
            }
            number = bucket.next;
        }
        find(name + ": its key does not lead to one of its entries");
    }

    // Lists are exact. What dynamic sets add or take is not asked here.
    void check_lists(Side side) {
        const std::vector<PlanList>& lists = classifier_.address_lists();
        for (size_t list = 1; list < lists.size(); list++) {
            const auto& ranges =
                family_ == Family::v4 ? lists[list].addresses.v4 : lists[list].addresses.v6;
            const size_t bit = tables_.list_bit(static_cast<uint16_t>(list));
            const auto tuples = tables_.tuples_of_list(side, static_cast<uint16_t>(list));
            for (const Segment& segment : segments(side)) {
                uint32_t leaf = segment.leaf;
                while (PC_REF_TYPE(leaf) == PC_REF_TIMED) {
                    leaf = image_.read<pc_timed>(PC_REF_PLACE8(leaf)).expired;
                }
                const bool member = holds(ranges, segment.first);
                const uint32_t row = PC_REF_PLACE8(leaf);
                const bool same = std::all_of(tuples.begin(), tuples.end(), [&](uint32_t tuple) {
                    return row_has(row, tuple) == member;
                });
                if (row_has(row, bit) != member || !same) {
                    find("a row is wrong about address list " + std::to_string(list) + " (" +
                         lists[list].written + ")");
                    break;
                }
            }
        }
    }

    // No entry belongs to nobody.
    void check_buckets() {
        std::unordered_set<uint64_t> known;
        for (const auto& rule : classifier_.rules()) {
            known.insert(uint64_t{rule->slot} << 32 | rule->priority);
        }
        size_t live = 0;
        for (size_t first = 0; first <= head_.bucket_mask; first++) {
            uint32_t number = static_cast<uint32_t>(first);
            for (uint32_t steps = 0; steps < chain_max; steps++) {
                const auto bucket = at<pc_bucket>(image_, head_.buckets, number);
                result_.buckets++;
                for (size_t i = 0; i < per_bucket; i++) {
                    if (bucket.priority[i] == PC_PRIORITY_NONE) {
                        continue;
                    }
                    const uint32_t slot = PC_RULE_RECORD(bucket.rule[i]);
                    const auto record = at<pc_record>(image_, classifier_.record_table(), slot);
                    if (known.contains(uint64_t{slot} << 32 | bucket.priority[i])) {
                        live++;
                    } else if (record.death > classifier_.epoch()) {
                        find("a bucket holds an entry of no rule, record " + std::to_string(slot));
                    }
                }
                number = bucket.next;
                if (number == 0) {
                    break;
                }
            }
        }
        if (live != result_.entries) {
            find(std::to_string(live) + " entries of live rules, not " +
                 std::to_string(result_.entries));
        }
    }

    const Classifier& classifier_;
    const Image& image_;
    Family family_;
    const FamilyTables& tables_;
    const pc_tables& head_;
    Audit& audit_;
    FamilyAudit& result_;
    Segments src_, dst_;
    std::unordered_set<uint32_t> blocks_;
    std::set<std::tuple<Side, EntryAddress, uint32_t>> seen_;
    std::set<std::tuple<Side, PortSpec, uint32_t>> seen_ports_;
};

} // namespace

Audit audit(const Classifier& classifier) {
    Audit audit;
    audit.rules = classifier.rules().size();
    audit.bytes_used = classifier.image().used();
    audit.bytes_free = classifier.image().free();
    audit.bytes_waiting = classifier.image().released();
    FamilyAuditor(classifier, Family::v4, audit).run();
    FamilyAuditor(classifier, Family::v6, audit).run();
    for (const auto& rule : classifier.rules()) {
        const auto record =
            at<pc_record>(classifier.image(), classifier.record_table(), rule->slot);
        if (record.rule_id != rule->id || record.birth > classifier.epoch() ||
            record.death <= classifier.epoch()) {
            audit.findings.push_back("rule id " + std::to_string(rule->id) +
                                     ": its record is not that of a rule that holds");
        }
    }
    return audit;
}

} // namespace pc
