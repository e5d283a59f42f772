// SPDX-License-Identifier: GPL-3.0-or-later
// What the inspector sees, for the shell: `show inspect flows`, `top names`, `monitor inspect`. The
// questions go to the inspector over the connection that it keeps (WatchInspect), so it listens
// nowhere and needs no right for this; the answers come when they come, and the event loop waits
// for none of them. What the inspector let go is added from the kernel's table of flows.
#pragma once

#include <functional>
#include <map>

#include "ctl/daemon/flows.h"
#include "ctl/protocol/inspected_flow.h"

namespace pc::daemon {

class InspectorView {
public:
    static constexpr int patience_ticks = 3; // seconds, begun ones among them
    static constexpr size_t questions_max = 32;

    struct Ways {
        // False: no inspector is connected.
        std::function<bool(const Json& question)> ask;
        std::function<void(uint64_t caller, const Json& answer)> answer;
        std::function<void(const std::vector<std::string>& lines, uint64_t lost)> tell_lines;
        std::function<void(const std::string& note)> tell_note;
    };

    InspectorView(Flows& flows, Ways ways) : flows_(flows), ways_(std::move(ways)) {}

    [[nodiscard]] static bool answers(std::string_view method);

    // ShowInspectFlows {"filter","sort","limit"} or TopNames {"by","limit"}. Null: the answer comes
    // later.
    [[nodiscard]] Json begin(const protocol::Request& request, uint64_t caller);

    // Words of the inspector.
    void hear(const Json& words);

    void inspector_came();
    void inspector_gone();
    void monitors_changed(size_t count);

    // Once a second: who has waited long enough is told so.
    void tick();

private:
    enum class Kind : uint8_t { flows, names };

    struct Open {
        uint64_t caller = 0;
        Kind kind{};
        protocol::InspectedFilter filter;
        protocol::InspectedOrder order{};
        protocol::NameOrder by{};
        size_t limit = 0;
        int ticks_left = patience_ticks;
    };

    [[nodiscard]] Result<Open> question_in(const protocol::Request& request) const;
    void finish(const Open& open, const Json& words);
    [[nodiscard]] Result<Json> flows_answer(const Open& open, const Json& words);
    [[nodiscard]] Result<Json> names_answer(const Open& open, const Json& words);
    void fail_all(const std::string& why);

    Flows& flows_;
    Ways ways_;
    std::map<uint64_t, Open> open_; // by number
    uint64_t last_number_ = 0;
    size_t monitors_ = 0;
};

} // namespace pc::daemon
