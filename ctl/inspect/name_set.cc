// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/name_set.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include <fmt/format.h>

#include "ctl/inspect/host_name.h"

namespace pc::inspect {

namespace {

constexpr std::string_view below_prefix = "*.";
constexpr uint64_t below_salt = 0x9e3779b97f4a7c15ULL;
constexpr size_t slots_per_name = 2;

// Of a name from its end to its start, so that the hashes of all its suffixes are steps of one
// walk.
uint64_t step(uint64_t hash, char c) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0xff51afd7ed558ccdULL;
    return hash ^ (hash >> 32);
}

uint64_t hash_of(std::string_view name, uint64_t seed) {
    return std::accumulate(name.rbegin(), name.rend(), seed, step);
}

// Of a line: what is below a name must not meet the name itself.
uint64_t hash_of_pattern(std::string_view pattern, uint64_t seed) {
    if (pattern.starts_with(below_prefix)) {
        return hash_of(pattern.substr(below_prefix.size()), seed) ^ below_salt;
    }
    return hash_of(pattern, seed);
}

// As normal_host_name() would leave it, without making it: there may be millions.
bool is_normal(std::string_view name) {
    if (name.empty() || name.size() > host_name_bytes_max || name.back() == '.') {
        return false;
    }
    char before = '.';
    for (const char c : name) {
        const bool is_capital = c >= 'A' && c <= 'Z';
        if (c <= ' ' || c >= 0x7f || c == '*' || is_capital || (c == '.' && before == '.')) {
            return false;
        }
        before = c;
    }
    return true;
}

Error no_pattern(std::string_view pattern) {
    return Error{0, fmt::format("\"{}\" is neither a name nor \"*.\" and a name", pattern)};
}

} // namespace

Result<NameSet> NameSet::from_lines(std::string lines, uint64_t seed) {
    NameSet set;
    const auto count = static_cast<size_t>(std::count(lines.begin(), lines.end(), '\n'));
    if (lines.size() >= UINT32_MAX || (!lines.empty() && lines.back() != '\n')) {
        return Error{0, "a set of names is too long, or its last line is cut"};
    }
    set.lines_ = std::move(lines);
    set.seed_ = seed;
    set.slots_.resize(count == 0 ? 0 : std::bit_ceil(slots_per_name * count));
    for (size_t place = 0; place < set.lines_.size();) {
        const std::string_view line = set.line_at(static_cast<uint32_t>(place));
        const bool below = line.starts_with(below_prefix);
        if (!is_normal(below ? line.substr(below_prefix.size()) : line)) {
            return no_pattern(line);
        }
        set.insert(static_cast<uint32_t>(place), hash_of_pattern(line, seed));
        place += line.size() + 1;
    }
    return set;
}

Result<NameSet> NameSet::from_patterns(std::span<const std::string> patterns) {
    std::string lines;
    for (const std::string& pattern : patterns) {
        const bool below = pattern.starts_with(below_prefix);
        const auto name =
            normal_host_name(std::string_view(pattern).substr(below ? below_prefix.size() : 0));
        if (!name || name->find('*') != std::string::npos) {
            return no_pattern(pattern);
        }
        lines += (below ? below_prefix : std::string_view{});
        lines += *name + "\n";
    }
    return from_lines(std::move(lines), 0); // short enough for any collisions
}

size_t NameSet::bytes() const {
    return lines_.capacity() + slots_.capacity() * sizeof(slots_[0]);
}

std::string_view NameSet::line_at(uint32_t place) const {
    return std::string_view(lines_).substr(place, lines_.find('\n', place) - place);
}

void NameSet::insert(uint32_t place, uint64_t hash) {
    const std::string_view line = line_at(place);
    for (size_t slot = hash;; ++slot) {
        uint32_t& held = slots_[slot & (slots_.size() - 1)];
        if (held == 0) {
            held = place + 1;
            ++count_;
            return;
        }
        if (line_at(held - 1) == line) {
            return;
        }
    }
}

std::string_view NameSet::find(std::string_view name) const {
    if (count_ == 0 || name.empty() || name.size() > host_name_bytes_max) {
        return {};
    }
    std::array<uint64_t, host_name_bytes_max + 1> hashes; // by where the suffix begins
    hashes[name.size()] = seed_;
    for (size_t i = name.size(); i-- > 0;) {
        hashes.at(i) = step(hashes.at(i + 1), name[i]);
    }
    if (const std::string_view line = probe(name, hashes[0]); !line.empty()) {
        return line;
    }
    for (size_t dot = name.find('.', 1); dot != std::string_view::npos;
         dot = name.find('.', dot + 1)) {
        const std::string_view line =
            probe_below(name.substr(dot + 1), hashes.at(dot + 1) ^ below_salt);
        if (!line.empty()) {
            return line;
        }
    }
    return {};
}

std::string_view NameSet::probe(std::string_view pattern, uint64_t hash) const {
    for (size_t slot = hash;; ++slot) {
        const uint32_t held = slots_[slot & (slots_.size() - 1)];
        if (held == 0) {
            return {};
        }
        if (const std::string_view line = line_at(held - 1); line == pattern) {
            return line;
        }
    }
}

std::string_view NameSet::probe_below(std::string_view suffix, uint64_t hash) const {
    for (size_t slot = hash;; ++slot) {
        const uint32_t held = slots_[slot & (slots_.size() - 1)];
        if (held == 0) {
            return {};
        }
        const std::string_view line = line_at(held - 1);
        if (line.starts_with(below_prefix) && line.substr(below_prefix.size()) == suffix) {
            return line;
        }
    }
}

} // namespace pc::inspect
