// SPDX-License-Identifier: GPL-3.0-or-later
// The entries of dynamic sets as packets meet them: in the lists of the running plan that name
// their sets, with deadlines that hold without the daemon. Each change is live when it returns.
#pragma once

#include <map>
#include <set>

#include "ctl/daemon/dynamic_sink.h"
#include "ctl/daemon/generations.h"

namespace pc::daemon {

class DynamicLists final : public DynamicSink {
public:
    // `rebuild` applies the running rules anew, when an edit finds no room.
    using Rebuild = std::function<Result<void>()>;

    // Both outlive this.
    DynamicLists(Generations& generations, MapStore& block_hits, Rebuild rebuild)
        : generations_(generations), block_hits_(block_hits), rebuild_(std::move(rebuild)) {}

    [[nodiscard]] Result<void> changed(const std::string& set,
                                       const DynamicChange& change) override;
    [[nodiscard]] Result<void> replaced(const std::string& set,
                                        std::span<const TimedPrefix> entries) override;
    [[nodiscard]] std::optional<uint64_t> packets(const std::string& set,
                                                  const Prefix& prefix) const override;

    // What a set will hold when the rules that are being staged hold: nothing changes for packets.
    [[nodiscard]] Result<void> expect(const std::string& set, std::span<const TimedPrefix> entries);

    // All entries, for the lists of a plan that is being staged.
    [[nodiscard]] std::vector<TimedRange> ranges_for(const Plan& plan) const;

private:
    struct Entry {
        uint64_t deadline = 0; // as in TimedRange
        uint32_t hits = 0;

        bool operator==(const Entry&) const = default;
    };

    using Entries = std::map<Prefix, Entry>;

    [[nodiscard]] Result<Entries> entries_for(const std::string& set,
                                              std::span<const TimedPrefix> entries);
    [[nodiscard]] Result<void> publish(const Prefix& prefix);
    [[nodiscard]] Result<uint32_t> take_hits();
    void give_back(const Entry& entry);

    Generations& generations_;
    MapStore& block_hits_;
    Rebuild rebuild_;
    std::map<std::string, Entries> sets_;
    std::set<uint32_t> free_hits_;
    uint32_t next_hits_ = 1;
};

} // namespace pc::daemon
