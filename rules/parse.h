// SPDX-License-Identifier: GPL-3.0-or-later
// TOML text -> RuleSet and located diagnostics. All errors of a file at once (toml++ stops at the
// first syntax error; everything after that is collected).
#pragma once

#include <functional>

#include "rules/progress.h"
#include "rules/result.h"
#include "rules/rule.h"

namespace pc {

// How the pure parser reaches other files. `pattern` is as written in `include` or a set's `file`,
// `from` the path of the file that names it; the answer is in lexical order. An include pattern
// with a glob may match nothing; a set's file that is missing is an Error.
using ReadFiles =
    std::function<Result<std::vector<SourceFile>>(std::string_view from, std::string_view pattern)>;

struct Parsed {
    RuleSet rules;
    Diagnostics diagnostics;
};

[[nodiscard]] Parsed parse(SourceFile main, const ReadFiles& read, const Progress& progress = {});

} // namespace pc
