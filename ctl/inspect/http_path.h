// SPDX-License-Identifier: GPL-3.0-or-later
// One spelling for the paths that clients ask for, so that "/a/../%61dmin" cannot slip past a rule
// that says "/admin". Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace pc::inspect {

// Of the path and query of a request: the path, percent signs decoded once, slashes in a row
// merged,
// "." and ".." resolved; "/" when there is none, empty for "*". Any byte but a control may stand in
// it. Where servers differ so much that no spelling serves (an encoded slash, a backslash, ".."
// above the root or with parameters, a percent sign that encodes nothing), it is empty, and the
// second says why: a fixed text, else "".
[[nodiscard]] std::pair<std::string, const char*> normal_path(std::string_view url);

} // namespace pc::inspect
