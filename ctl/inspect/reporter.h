// SPDX-License-Identifier: GPL-3.0-or-later
// The inspector's side of what an operator sees: takes the daemon's questions to the workers, puts
// their parts together, and tells of what was judged meanwhile. A worker that does not answer in
// time is left out, and that is said.
#pragma once

#include <functional>
#include <map>

#include "ctl/inspect/notices.h"

namespace pc::inspect {

class Reporter {
public:
    static constexpr uint64_t patience_ms = 700; // below that of the daemon
    static constexpr size_t questions_max = 64;  // at one time
    static constexpr size_t rows_max = 10000;

    // `notices` must outlive this.
    Reporter(Notices& notices, size_t workers) : notices_(notices), workers_(workers) {}

    using Ask = std::function<void(SeenQuestionPtr)>; // all workers
    // Hands a message to the daemon. False: it is lost.
    using Say = std::function<bool(const protocol::Json&)>;

    // {"of": "flows", "number": 7, "filter": {...}, "sort": "bytes", "limit": 100}, {"of": "names",
    // "number": 8, "by": "flows"}, {"of": "lines"}, {"of": "no lines"}.
    void take(const protocol::Json& asked, uint64_t now_ms, const Ask& ask, const Say& say);

    // Ten times a second.
    void tick(uint64_t now_ms, const Say& say);

    // The connection is gone: nobody waits for an answer, or wants to hear lines.
    void forget();

private:
    struct Open {
        SeenQuestionPtr question;
        uint64_t deadline_ms = 0;
        size_t answered = 0;
        protocol::InspectedRows rows;
        protocol::NameCounts names;
    };

    [[nodiscard]] Result<SeenQuestionPtr> question_in(const protocol::Json& asked) const;
    void add(SeenPart part);
    [[nodiscard]] protocol::Json answer_of(Open& open) const;
    void tell(Notices::Taken taken, const Say& say);

    Notices& notices_;
    size_t workers_;
    std::map<uint64_t, Open> open_; // by number
    uint64_t lost_ = 0;             // lines that were not told of yet
};

} // namespace pc::inspect
