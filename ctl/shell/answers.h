// SPDX-License-Identifier: GPL-3.0-or-later
// What the show commands have in common: asking, and fields of answers as people read them.
#pragma once

#include "ctl/shell/session.h"

namespace pc::shell {

// Asks, and hands the answer to `print`. In JSON form the answer's own fields are printed.
template <typename Print>
int show(Session& session, std::string_view method, const Json& parameters, Print print) {
    const Answer answer = session.client().call(method, parameters);
    if (!answer.ok()) {
        return session.fail(answer);
    }
    session.out().json(answer.parameters);
    print(session.out(), answer.parameters);
    return exit_done;
}

[[nodiscard]] Color color_of(std::string_view action);
// A list of words or numbers; a text stays as it is.
[[nodiscard]] std::string joined(const Json& list, std::string_view separator = ", ");
// The age of "last_hit_s", or of the time "last_hit"; "-": never.
[[nodiscard]] std::string last_hit(const Json& object);
// A time of an answer in local time; what is none stays as it is.
[[nodiscard]] std::string when(const Json& object, std::string_view key);

} // namespace pc::shell
