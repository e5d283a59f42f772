// SPDX-License-Identifier: GPL-3.0-or-later
// The files that a running inspector stands on: the namespace it listens in and the pinned maps.
// If the daemon ends all filtering and starts afresh, it makes new ones, and the open handles lead
// to things that no packet meets. Then the inspector has to be started again.
#pragma once

#include <string>
#include <vector>

#include <sys/stat.h>

#include "rules/result.h"

namespace pc::inspect {

class Anchors {
public:
    // To be called when all of them are open.
    explicit Anchors(std::vector<std::string> paths);

    // An error if one of them is another file now. One that is gone may come back.
    [[nodiscard]] Result<void> check() const;

private:
    struct Anchor {
        std::string path;
        dev_t device = 0;
        ino_t inode = 0;
    };

    std::vector<Anchor> anchors_;
};

} // namespace pc::inspect
