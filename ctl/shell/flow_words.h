// SPDX-License-Identifier: GPL-3.0-or-later
// The words that say which flows: "src 10.0.0.0/8 port 443 proto tcp state established". Pure.
#pragma once

#include "ctl/shell/client.h"
#include "ctl/shell/complete.h"

namespace pc::shell {

// `list` also takes sort and limit, `clear` the word all. `inspected`: of flows of the inspector,
// which know no zones and states, but names and verdicts.
enum class FlowCommand : uint8_t { list, clear, inspected };

struct FlowQuestion {
    Json filter = Json::object(); // as the daemon takes it
    std::string sort;
    std::optional<uint32_t> limit;
    bool all = false;
    std::optional<Mistake> mistake; // the rest means nothing then
};

// The words of the line from `first` on.
[[nodiscard]] FlowQuestion flow_question(const CommandLine& line, size_t first,
                                         FlowCommand command);

// All choices for the next word; `words` stand before it.
[[nodiscard]] std::vector<Choice> flow_choices(const std::vector<std::string>& words,
                                               FlowCommand command, const Names& names);

} // namespace pc::shell
