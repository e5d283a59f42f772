// SPDX-License-Identifier: GPL-3.0-or-later
// What the flood guard does about sources that are too heavy: rates in, actions out. Remembers what
// it said, so that a flood of packets is no flood of lines.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "rules/plan.h"

namespace pc::daemon {

constexpr size_t guard_blocks_max = 64;    // at a time: it is to stop a flood, not to write a list
constexpr size_t guard_words_max = 64;     // sources that are spoken of in a minute
constexpr int64_t guard_silence_s = 60;    // until the same is said of a source again
constexpr const char* guard_who = "guard"; // of entries of @blocks

struct GuardRate {
    Prefix prefix;
    uint64_t pps = 0;
};

struct GuardAction {
    enum class Kind : uint8_t {
        propose, // say that it would be blocked
        block,
        spare, // say why it is not
    } kind{};
    Prefix prefix;
    uint64_t pps = 0;
    uint32_t block_for_s = 0;
    std::string why; // of spare
};

// What decides besides the rates. Asked only of sources that are too heavy.
struct GuardView {
    int64_t now = 0;   // seconds of any clock that does not go back
    size_t blocks = 0; // entries of @blocks that are the guard's
    std::function<bool(const Prefix&)> is_blocked;
    // Whom a block would hit that it must not; "" for nobody.
    std::function<std::string(const Prefix&)> harm;
};

class GuardDecisions {
public:
    struct Said {
        GuardAction action;
        int64_t at = 0;
    };

    // Once a second, with the heaviest first.
    [[nodiscard]] std::vector<GuardAction>
    judge(const PlanGuard& guard, std::span<const GuardRate> rates, const GuardView& view);

    // Of the last minute.
    [[nodiscard]] const std::map<Prefix, Said>& said() const { return said_; }

    void forget() { said_.clear(); }

private:
    std::map<Prefix, Said> said_;
};

// "proposed: block 203.0.113.66/32 for 10m (123k pps)"
[[nodiscard]] std::string guard_text(const GuardAction& action);

} // namespace pc::daemon
