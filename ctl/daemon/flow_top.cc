// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/flow_top.h"

#include <algorithm>
#include <cerrno>

namespace pc::daemon {
namespace {

constexpr uint64_t rows_default = 10;
constexpr uint64_t rows_max = 1000;
// Addresses that are told apart; under a flood from more of them the rest is added up.
constexpr size_t addresses_max = 262144;
constexpr double idle_max_s = 300;

uint64_t amount(const TopRow& row, TopBy by) {
    return by == TopBy::packets ? row.packets : row.bytes;
}

void add(TopRow& sum, const TopRow& row) {
    sum.flows += row.flows;
    sum.packets += row.packets;
    sum.bytes += row.bytes;
}

// The first rows of all that are put in.
class Best {
public:
    Best(TopBy by, size_t limit) : by_(by), limit_(limit) {}

    void put(const TopRow& row) {
        rows_.push_back(row);
        if (rows_.size() >= 2 * (limit_ + 1)) {
            keep_first();
        }
    }

    void take(TopAnswer& answer) {
        keep_first();
        add(answer.others, others_);
        answer.rows = std::move(rows_);
    }

private:
    void keep_first() {
        std::stable_sort(rows_.begin(), rows_.end(), [this](const TopRow& a, const TopRow& b) {
            return amount(a, by_) > amount(b, by_);
        });
        while (rows_.size() > limit_) {
            add(others_, rows_.back());
            rows_.pop_back();
        }
    }

    TopBy by_;
    size_t limit_;
    std::vector<TopRow> rows_;
    TopRow others_;
};

} // namespace

TopAnswer FlowTop::ask(const FlowTable& table, const TopQuestion& question,
                       const FlowClock& clock) {
    const bool since_last = question.since == TopQuestion::Since::last;
    TopAnswer answer;
    if (since_last && last_.size() == table.capacity()) {
        answer.seconds = clock.age_s(asked_);
    }
    std::vector<Last> seen(since_last ? table.capacity() : 0);
    Best best(question.by, question.limit);
    std::map<Address, TopRow> addresses;
    table.each(clock.now, [&](const SeenFlow& flow) {
        const pc_flow_entry& entry = flow.entry;
        TopRow row{
            flow, {}, 1, entry.packets[0] + entry.packets[1], entry.bytes[0] + entry.bytes[1]};
        if (since_last) {
            const Last now{uint64_t{PC_DECISION_INCARNATION(entry.decision)} << 32 | entry.created,
                           row.packets, row.bytes};
            seen[flow.index] = now;
            const Last before = answer.seconds ? last_[flow.index] : Last();
            if (before.flow == now.flow && before.packets <= now.packets) {
                row.packets -= before.packets;
                row.bytes -= std::min(before.bytes, now.bytes);
            }
        }
        if (question.of == TopOf::flows) {
            best.put(row);
            return true;
        }
        const auto from = static_cast<uint8_t>(PC_WHERE_ORIGIN(entry.where));
        const bool of_sources = question.of == TopOf::sources;
        row.address = flow_address(entry, of_sources ? from : static_cast<uint8_t>(1 - from));
        const auto known = addresses.find(row.address);
        if (known != addresses.end()) {
            add(known->second, row);
        } else if (addresses.size() < addresses_max) {
            addresses.emplace(row.address, row);
        } else {
            add(answer.others, row);
        }
        return true;
    });
    for (const auto& [address, row] : addresses) {
        best.put(row);
    }
    best.take(answer);
    if (since_last) {
        last_ = std::move(seen);
        asked_ = clock.now;
    }
    return answer;
}

void FlowTop::forget_if_idle(const FlowClock& clock) {
    if (!last_.empty() && clock.age_s(asked_) > idle_max_s) {
        last_ = {};
    }
}

Result<TopQuestion> top_question(const Json& parameters) {
    TopQuestion question;
    const std::string of = TRY(text_parameter(parameters, "of"));
    const std::string by = TRY(text_parameter(parameters, "by"));
    const std::string since = TRY(text_parameter(parameters, "since"));
    if (of != "" && of != "flows" && of != "sources" && of != "destinations") {
        return Error{EINVAL, "there is no top of '" + of + "'"};
    }
    if (by != "" && by != "bytes" && by != "packets") {
        return Error{EINVAL, "there is no top by '" + by + "'"};
    }
    if (since != "" && since != "begin" && since != "last") {
        return Error{EINVAL, "parameter \"since\" is neither begin nor last"};
    }
    question.of = of == "sources"        ? TopOf::sources
                  : of == "destinations" ? TopOf::destinations
                                         : TopOf::flows;
    question.by = by == "packets" ? TopBy::packets : TopBy::bytes;
    question.since = since == "last" ? TopQuestion::Since::last : TopQuestion::Since::begin;
    const uint64_t limit = TRY(number_parameter(parameters, "limit")).value_or(rows_default);
    question.limit = std::min(limit, rows_max);
    return question;
}

Json top_object(const TopAnswer& answer, const TopQuestion& question, const FlowNames& names,
                const FlowClock& clock) {
    Json rows = Json::array();
    for (const TopRow& row : answer.rows) {
        Json object = question.of == TopOf::flows
                          ? flow_object(row.flow, names, clock)
                          : Json{{"address", to_string(row.address)}, {"flows", row.flows}};
        object["packets"] = row.packets;
        object["bytes"] = row.bytes;
        rows.push_back(std::move(object));
    }
    return {{"of", question.of == TopOf::flows     ? "flows"
                   : question.of == TopOf::sources ? "sources"
                                                   : "destinations"},
            {"by", question.by == TopBy::packets ? "packets" : "bytes"},
            {"rows", std::move(rows)},
            {"others",
             {{"flows", answer.others.flows},
              {"packets", answer.others.packets},
              {"bytes", answer.others.bytes}}},
            {"seconds", answer.seconds ? Json(*answer.seconds) : Json()}};
}

} // namespace pc::daemon
