// SPDX-License-Identifier: GPL-3.0-or-later
// The text of a rule file in a live classifier on the host, asked packets that are aimed at it.
#pragma once

#include "tests/support/verdicts.h"

namespace pc::test {

[[nodiscard]] AddressRange range(std::string_view prefix);

// A rule that does not end the walk, with these lines.
[[nodiscard]] std::string counting(const std::string& name, const std::string& lines = "");

class WrittenRules {
public:
    // Without `schema` and with three zones: wan, lan, guest. Fails the test if that is no rule
    // file.
    explicit WrittenRules(const std::string& text, uint64_t seed = 1);

    // Follows the text, by an edit or else built anew with these entries.
    Result<void> edit(const std::string& text);
    void edit_or_build(const std::string& text, const std::vector<DynamicEntry>& entries = {});

    // The entries that hold any address of this range, now.
    [[nodiscard]] Result<void> hold(const std::vector<DynamicEntry>& entries,
                                    const AddressRange& range);

    // Names of rules, each with a blank behind it; "proto SRC[:PORT] DST[:PORT] ..." as `explain`.
    [[nodiscard]] std::string ask(const std::string& packet, uint64_t jiffies = 0) const;

    // The rules that a TCP packet from there to 192.0.2.99 matches.
    [[nodiscard]] std::string from(const std::string& source, uint64_t jiffies = 0) const {
        return ask("in wan tcp " + source + " " +
                       (source.find(':') == std::string::npos ? "192.0.2.99" : "2001:db8:99::1"),
                   jiffies);
    }

    // Random packets at the edges of these rules; the first difference to the oracle, or "".
    [[nodiscard]] std::string first_difference(size_t packets, uint64_t seed = 1);

    RandomCase world;
    Plan plan;
    HostClassifier host;

    // Changes the plan only.
    void read(const std::string& text);

private:
    void build(const std::vector<DynamicEntry>& entries, uint64_t seed);
};

} // namespace pc::test
