// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/anchors.h"

#include <cerrno>
#include <utility>

namespace pc::inspect {

Anchors::Anchors(std::vector<std::string> paths) {
    for (std::string& path : paths) {
        struct stat now {};

        if (stat(path.c_str(), &now) == 0) {
            anchors_.push_back({std::move(path), now.st_dev, now.st_ino});
        }
    }
}

Result<void> Anchors::check() const {
    for (const Anchor& anchor : anchors_) {
        struct stat now {};

        if (stat(anchor.path.c_str(), &now) == 0 &&
            (now.st_dev != anchor.device || now.st_ino != anchor.inode)) {
            return Error{ESTALE, anchor.path +
                                     " has been made anew, so this inspector has to start "
                                     "again"};
        }
    }
    return {};
}

} // namespace pc::inspect
