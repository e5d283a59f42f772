// SPDX-License-Identifier: GPL-3.0-or-later
// The dynamic sets: prefixes that people and programs put into a set while the rules run, for a
// time or for good. @blocks is one of them, and always there. Knows the list, the clock and the
// files; what packets are asked against is the sink's.
//
// No commit loses an entry. What a set held that the running rules no longer have is kept aside, in
// memory and on disk, for a rollback or a later commit that brings the set back; it goes by its own
// time, or when it is cleared.
#pragma once

#include "ctl/daemon/dynamic_file.h"
#include "ctl/daemon/dynamic_sink.h"
#include "rules/rule.h"

namespace pc::daemon {

// The two clocks: UTC seconds, and the kernel's ticks.
struct DynamicClock {
    int64_t now = 0;
    uint64_t jiffies = 0;
    uint64_t jiffies_per_second = 100;
};

class DynamicSets {
public:
    DynamicSets(DynamicSink& sink, const std::string& state_dir)
        : sink_(sink), folder_(state_dir + "/dynamic"), old_blocks_(state_dir + "/blocks.json") {}

    // Reads all files; entries that ended meanwhile are left out. Only @blocks reaches the sink:
    // for the others see use(). Files that cannot be read are complaints, not an Error.
    [[nodiscard]] Result<void> load(const DynamicClock& clock);

    // The sets of the rules that run now.
    [[nodiscard]] Result<void> use(const std::vector<Set>& sets, const DynamicClock& clock);

    // ENOENT: the running rules have no such dynamic set; ENOSPC: it is full. An entry that is
    // there gets the new time and comment.
    [[nodiscard]] Result<void> add(const std::string& set, const Prefix& prefix,
                                   const DynamicEntry& entry, const DynamicClock& clock);

    // ENOENT: no such set or entry. The value: the packets it decided, if that is counted.
    [[nodiscard]] Result<std::optional<uint64_t>>
    remove(const std::string& set, const Prefix& prefix, const DynamicClock& clock);

    // How many entries there were.
    [[nodiscard]] Result<size_t> clear(const std::string& set);

    // Removes what is over; how many. Packets never wait for this: an entry ends by its deadline.
    [[nodiscard]] Result<size_t> expire(const DynamicClock& clock);

    // Of the running rules, @blocks among them.
    [[nodiscard]] const std::map<std::string, DynamicSet>& used() const { return used_; }

    // Of a set in use or aside; none: there is no such set.
    [[nodiscard]] const DynamicEntries* find(const std::string& set) const;

    // Which entry holds the address longest.
    [[nodiscard]] const DynamicEntries::value_type*
    holder(const std::string& set, const Address& address, const DynamicClock& clock) const;

    // What packets are to be asked against, for a generation that is being built; also of sets that
    // are aside. In the order of DynamicChange::inside.
    [[nodiscard]] std::vector<TimedPrefix> timed(const std::string& set,
                                                 const DynamicClock& clock) const;

    // For Environment::dynamic: what the sets in use hold now.
    [[nodiscard]] std::map<std::string, std::vector<AddressRange>, std::less<>>
    ranges(const DynamicClock& clock) const;

    [[nodiscard]] std::optional<uint64_t> packets(const std::string& set,
                                                  const Prefix& prefix) const {
        return sink_.packets(set, prefix);
    }

    // What went wrong and is not an answer to anybody, once each.
    [[nodiscard]] std::vector<std::string> take_complaints();

private:
    struct Held {
        DynamicEntries entries;
        DynamicFile file;
        bool persist = true;
        int64_t next_end = 0; // no entry is over before
    };

    [[nodiscard]] Held& held(const std::string& set);
    void load_file(const std::string& set, const DynamicClock& clock);
    void load_old_blocks(const DynamicClock& clock);
    [[nodiscard]] Result<void> tell(const std::string& set, const Prefix& prefix,
                                    const DynamicClock& clock);
    void keep_or_forget(Held& held, bool persist);
    void complain(const Result<void>& result);

    DynamicSink& sink_;
    std::string folder_;
    std::string old_blocks_;
    std::map<std::string, DynamicSet> used_;
    std::map<std::string, Held> held_;
    std::vector<std::string> complaints_;
};

} // namespace pc::daemon
