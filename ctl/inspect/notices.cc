// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/notices.h"

#include <utility>

namespace pc::inspect {

void Notices::judged(protocol::InspectedFlow flow) {
    const std::lock_guard lock(mutex_);
    if (waiting_.judged.size() < judged_max) {
        waiting_.judged.push_back(std::move(flow));
    }
}

void Notices::line(std::string eve) {
    const std::lock_guard lock(mutex_);
    if (lines_bytes_ + eve.size() > lines_bytes_max) {
        ++waiting_.lost;
        return;
    }
    lines_bytes_ += eve.size();
    waiting_.lines.push_back(std::move(eve));
}

void Notices::answer(SeenPart part) {
    const std::lock_guard lock(mutex_);
    waiting_.parts.push_back(std::move(part));
}

Notices::Taken Notices::take() {
    const std::lock_guard lock(mutex_);
    lines_bytes_ = 0;
    return std::exchange(waiting_, {});
}

} // namespace pc::inspect
