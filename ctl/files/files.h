// SPDX-License-Identifier: GPL-3.0-or-later
// Reads rule files, included files and set files from disk, and this router's addresses: the
// effects behind the pure parser's ReadFiles and Environment. Needs no privilege.
#pragma once

#include "rules/parse.h"

namespace pc::files {

inline constexpr size_t file_size_max = size_t{256} << 20;

[[nodiscard]] Result<SourceFile> read_file(const std::string& path);

// For parse(): relative patterns are relative to the folder of the file that names them.
[[nodiscard]] ReadFiles reader();

// The same, but configuration files given in `files` are taken from there (a candidate that is not
// on disk); set files still come from disk.
[[nodiscard]] ReadFiles reader(std::vector<SourceFile> files);

// The same, but what is not given is taken for empty: for those who ask for names only, as set
// files may be long.
[[nodiscard]] ReadFiles reader_of_given(std::vector<SourceFile> files);

// @self and @local from the kernel's interface addresses; today from the clock (UTC).
[[nodiscard]] Environment environment();

} // namespace pc::files
