// SPDX-License-Identifier: GPL-3.0-or-later
// `portcullis audit`: recomputes what must hold in a classifier from the bytes that packets read.
#pragma once

#include "rules/classifier.h"

namespace pc {

struct FamilyAudit {
    size_t entries = 0;
    size_t tuples = 0;
    size_t rows = 0;   // that addresses lead to
    size_t ranges = 0; // of addresses with the same row, both sides
    size_t buckets = 0;
    size_t longest_chain = 0; // in buckets
};

struct Audit {
    size_t rules = 0;
    FamilyAudit families[2]; // IPv4, IPv6
    size_t bytes_used = 0;
    size_t bytes_free = 0;             // inside of what is used, for edits
    size_t bytes_waiting = 0;          // free when no packet is at hand that was
    size_t bytes_of_tables = 0;        // of addresses
    std::vector<std::string> findings; // what does not hold; at most audit_findings_max
};

inline constexpr size_t audit_findings_max = 50;

// No edit may run meanwhile.
[[nodiscard]] Audit audit(const Classifier& classifier);

} // namespace pc
