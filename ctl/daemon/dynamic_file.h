// SPDX-License-Identifier: GPL-3.0-or-later
// The entries of one dynamic set on disk. A change is one more line of JSON at the end, so that a
// block costs as much with 10 as with 65,000 entries; the file is written anew when most of its
// lines are of the past.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "rules/net.h"
#include "rules/result.h"

namespace pc::daemon {

struct DynamicEntry {
    int64_t until = 0; // UTC seconds; 0: for good
    int64_t since = 0;
    std::string comment;
    std::string who;

    bool operator==(const DynamicEntry&) const = default;
};

using DynamicEntries = std::map<Prefix, DynamicEntry>;

class DynamicFile {
public:
    explicit DynamicFile(std::string path) : path_(std::move(path)) {}

    // No file: no entries. What cannot be read is told in `complaint`, and the file is kept beside
    // as PATH.bad.
    struct Loaded {
        DynamicEntries entries;
        std::string complaint;
    };

    [[nodiscard]] Result<Loaded> load();

    // Writes the prefix as it stands in `entries`, there or not. On disk when it returns.
    [[nodiscard]] Result<void> change(const DynamicEntries& entries, const Prefix& prefix);

    [[nodiscard]] Result<void> rewrite(const DynamicEntries& entries);

    // Entries have ended without a line of their own.
    [[nodiscard]] Result<void> tidy(const DynamicEntries& entries);

    [[nodiscard]] Result<void> remove();

private:
    [[nodiscard]] Result<void> append(const std::string& line);

    std::string path_;
    size_t lines_ = 0;
    bool is_sound_ = false; // it exists and ends with a whole line
};

// The whole list as older versions wrote it: one object, prefix to entry.
[[nodiscard]] Result<DynamicEntries> read_old_blocks(const std::string& text);

} // namespace pc::daemon
