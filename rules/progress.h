// SPDX-License-Identifier: GPL-3.0-or-later
// How far the work on a large configuration has come. Called every few thousand items; whoever
// shows it decides how often that is worth a line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace pc {

enum class Phase : uint8_t { reading, checking, compiling, loading };

// `total` 0: not known. An empty function: nobody wants to know.
using Progress = std::function<void(Phase phase, size_t done, size_t total)>;

inline constexpr size_t progress_step = 16384; // items between two calls

// At the beginning, and then every progress_step items.
inline void tell_progress(const Progress& progress, Phase phase, size_t done, size_t total) {
    if (progress && done % progress_step == 0) {
        progress(phase, done, total);
    }
}

[[nodiscard]] constexpr std::string_view to_string(Phase phase) {
    switch (phase) {
    case Phase::reading:
        return "reading";
    case Phase::checking:
        return "checking";
    case Phase::compiling:
        return "compiling";
    case Phase::loading:
        return "loading";
    }
    return {};
}

} // namespace pc
