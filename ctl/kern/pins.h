// SPDX-License-Identifier: GPL-3.0-or-later
// The folder of pins on a bpffs: what makes maps, programs and links outlive the process.
#pragma once

#include <string>
#include <string_view>

#include "ctl/kern/fd.h"
#include "rules/result.h"

namespace pc {

class PinDir {
public:
    // Makes the folder if its parent is on a bpffs. Mounts nothing: an Error says what to do.
    [[nodiscard]] static Result<PinDir> open(std::string path);

    [[nodiscard]] const std::string& path() const { return path_; }

    [[nodiscard]] std::string path_of(std::string_view name) const;
    [[nodiscard]] bool has(std::string_view name) const;

    // A handle of the pinned object; ENOENT when there is none.
    [[nodiscard]] Result<Fd> get(std::string_view name) const;

    // Pins under another name, then renames over what is there: the name is never missing.
    [[nodiscard]] Result<void> publish(int fd, std::string_view name) const;
    [[nodiscard]] Result<void> unpin(std::string_view name) const;

    // Removes every pin and the folder. What is attached to interfaces stays attached.
    [[nodiscard]] Result<void> remove_all() const;

private:
    explicit PinDir(std::string path) : path_(std::move(path)) {}

    std::string path_;
};

} // namespace pc
