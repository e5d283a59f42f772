// SPDX-License-Identifier: GPL-3.0-or-later
// What commands do with configurations as text: differences, commits, checks.
#pragma once

#include "ctl/shell/session.h"
#include "rules/check.h"
#include "rules/cost.h"

namespace pc::shell {

// Maps of a large configuration take their time.
inline constexpr std::chrono::seconds commit_time_out{120};

struct Difference {
    std::vector<std::string> lines; // as `compare` prints them
    bool text_differs = false;      // comments and layout count
};

[[nodiscard]] Difference difference(const std::vector<SourceFile>& before,
                                    const std::vector<SourceFile>& after);

// "no differences", the lines in colour, or that only comments differ.
void print_difference(Output& out, const Difference& difference);

// Parsed and checked as far as this process can: with the addresses of this machine.
struct Checked {
    RuleSet rules;
    Diagnostics diagnostics;
    std::optional<ClassifierCost> cost; // by compile_checked(), if there is no error
};

[[nodiscard]] Checked check_text(const SourceFile& main, const ReadFiles& read,
                                 const Progress& progress = {});

// The same as far as the daemon would: compiled, and judged by what packets would cost.
void compile_checked(Checked& checked, const Progress& progress = {});

// Prints the diagnostics and a summary; exit code 0 or 1.
int print_checked(Session& session, const Checked& checked);

[[nodiscard]] Json diagnostics_as_json(const Diagnostics& diagnostics,
                                       const std::vector<SourceFile>& files);

// What the most expensive packet costs, if the answer says.
void print_cost(Output& out, const Json& answer);

// Commit, and what to say about it. Gives the exit code; `live` gets the revision when it went
// well.
int send_commit(Session& session, const std::vector<SourceFile>& files,
                std::optional<uint64_t> base, const std::string& comment, uint64_t* live = nullptr);

} // namespace pc::shell
