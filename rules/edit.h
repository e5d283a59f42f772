// SPDX-License-Identifier: GPL-3.0-or-later
// Edits of configuration text by the shell's words. Comments of the operator survive: the text is
// spliced at the places of the values, then parsed again and compared with what was meant.
#pragma once

#include <optional>
#include <span>

#include "rules/parse.h"

namespace pc {

// Which of the operator's words is wrong, so that the shell can put carets under it.
// word == number of words: something is missing at the end.
struct Refusal {
    size_t word = 0;
    size_t offset = 0;
    size_t length = 0; // 0: the whole word
    std::string message;
    std::string help;
};

struct Edited {
    std::vector<SourceFile> files; // as given when refused: nothing is half done
    std::string summary;           // "priority of guest-dns: 210 -> 195", may be empty
    std::optional<Refusal> refused;
};

// `files` is the whole configuration (main file first); `read` finds included files and set files,
// and what it gives for a path of `files` is not used. The words are the shell's, without the verb:
//   set     rule|set|zone|inspect NAME [KEY VALUE]... | defaults|host|safety KEY VALUE...
//           replaces the values of these keys, makes what is not there yet
//   add     the same words; adds to the list that a key holds
//   delete  rule NAME [KEY [VALUE...]] and alike
//   insert  rule NAME before|after NAME   (changes priorities only as far as needed)
// A list is [ a b ] or a comma-separated word. References to names that nothing defines and keys
// that are still missing are left to check(): a candidate may be incomplete between two edits.
[[nodiscard]] Edited edit_set(const std::vector<SourceFile>& files,
                              std::span<const std::string> words, const ReadFiles& read);
[[nodiscard]] Edited edit_add(const std::vector<SourceFile>& files,
                              std::span<const std::string> words, const ReadFiles& read);
[[nodiscard]] Edited edit_delete(const std::vector<SourceFile>& files,
                                 std::span<const std::string> words, const ReadFiles& read);
[[nodiscard]] Edited edit_insert(const std::vector<SourceFile>& files,
                                 std::span<const std::string> words, const ReadFiles& read);

} // namespace pc
