// SPDX-License-Identifier: GPL-3.0-or-later
// The numbered revisions in the state folder: history/N.json, `current` and `last-good`. Every file
// is written beside its place, synced, and renamed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rules/diagnostic.h"
#include "rules/result.h"

namespace pc::daemon {

struct Revision {
    uint64_t number = 0;
    std::string time; // ISO 8601, UTC
    std::string who;
    std::string via; // "local", "ssh", "socket", "file", "start"
    std::string comment;
    std::vector<SourceFile> files; // the whole configuration, the main file first
};

// After a power failure there is the old text or the new one; write_file returns when it is the new
// one.
[[nodiscard]] Result<void> replace_file(const std::string& path, const std::string& text, int mode);
[[nodiscard]] Result<void> write_file(const std::string& path, const std::string& text, int mode);
[[nodiscard]] Result<std::string> read_text(const std::string& path);

class Revisions {
public:
    // Makes the folders.
    [[nodiscard]] static Result<Revisions> open(std::string state_dir);

    [[nodiscard]] Result<void> store(const Revision& revision) const;
    void forget(uint64_t number) const;

    [[nodiscard]] Result<Revision> load(uint64_t number) const;

    // Newest first. Unreadable ones are left out.
    [[nodiscard]] std::vector<uint64_t> numbers() const;

    [[nodiscard]] uint64_t next() const;

    // Which revision runs, and which one ran well last.
    [[nodiscard]] Result<void> set_current(uint64_t number) const;
    [[nodiscard]] Result<void> set_last_good(uint64_t number) const;
    [[nodiscard]] std::optional<uint64_t> current() const;
    [[nodiscard]] std::optional<uint64_t> last_good() const;

    [[nodiscard]] const std::string& folder() const { return folder_; }

private:
    explicit Revisions(std::string folder) : folder_(std::move(folder)) {}

    [[nodiscard]] std::string path_of(uint64_t number) const;
    [[nodiscard]] std::optional<uint64_t> number_in(const std::string& name) const;

    std::string folder_;
};

// "2026-11-20T14:02:09Z"
[[nodiscard]] std::string utc_time(int64_t seconds);
[[nodiscard]] std::string utc_now();

} // namespace pc::daemon
