// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/seen_walk.h"

#include <algorithm>

#include "ctl/inspect/flows.h"
#include "ctl/inspect/peek_flows.h"
#include "ctl/inspect/udp_flows.h"

namespace pc::inspect {

namespace {

// Of one worker; the supervisor adds those of all.
constexpr size_t names_max = 2 * protocol::TopNames::places;

} // namespace

SeenWalk::SeenWalk(SeenQuestionPtr question)
    : question_(std::move(question)), rows_(question_->order, question_->limit) {}

bool SeenWalk::step(const SeenTables& tables) {
    switch (table_) {
    case Table::tcp:
        visit(tables.tcp, tables, Table::udp);
        break;
    case Table::udp:
        visit(tables.udp, tables, Table::peeked);
        break;
    case Table::peeked:
        visit(tables.peeked, tables, Table::end);
        break;
    case Table::end:
        break;
    }
    return table_ == Table::end;
}

template <typename Kind>
void SeenWalk::visit(const Kind& flows, const SeenTables& tables, Table next) {
    const size_t end = std::min(place_ + places_per_turn, flows.places());
    for (; place_ < end; ++place_) {
        if (std::optional<EveRecord> record = flows.seen(place_)) {
            note(std::move(*record), tables);
        }
    }
    if (place_ >= flows.places()) {
        place_ = 0;
        table_ = next;
    }
}

void SeenWalk::note(EveRecord record, const SeenTables& tables) {
    switch (question_->of) {
    case SeenQuestion::Of::names: {
        protocol::NameTally& live = live_[record.recognised.name];
        live.bytes_to_server += record.bytes_to_server;
        live.bytes_to_client += record.bytes_to_client;
        return;
    }
    case SeenQuestion::Of::flows:
        tables.log.complete(record, tables.config);
        protocol::InspectedFlow flow = inspected_flow(record);
        if (question_->filter.fits(flow)) {
            rows_.add(std::move(flow));
        }
        return;
    }
}

SeenPart SeenWalk::take(const FlowLog& log) {
    SeenPart part;
    part.number = question_->number;
    part.matched = rows_.added();
    part.flows = rows_.take();
    if (question_->of == SeenQuestion::Of::names) {
        protocol::NameCounts live;
        for (auto& [name, tally] : live_) {
            live.total.add(tally);
            live.rows.push_back({name, tally, 0});
        }
        part.names = log.names().counts(question_->by);
        part.names.add(live);
        part.names.keep(question_->by, names_max);
    }
    return part;
}

} // namespace pc::inspect
