// SPDX-License-Identifier: GPL-3.0-or-later
// How flows end: denied, with or without a page that says so, or closed; and the line of the log
// that tells of it.
#include <fmt/format.h>
#include <sys/epoll.h>

#include "ctl/inspect/flows.h"

namespace pc::inspect {

void Flows::deny(Flow& flow, std::string reason) {
    deny(flow, Judgement{false, std::move(reason)});
}

void Flows::deny(Flow& flow, Judgement judgement) {
    pc_inspect_stats& stats = needs_.counters.of(flow.origin.inspect);
    ++stats.denied;
    if (flow.counted_allowed) {
        --stats.allowed; // a server that speaks first was allowed, the client's words were not
    }
    flow.judgement = std::move(judgement);
    note_judgement(flow);
    if (!refuse(flow)) {
        end(flow, End::denied);
    }
}

// Tells the client with a page, where the rule wants that and the client can read one.
bool Flows::refuse(Flow& flow) {
    const auto* request = std::get_if<HttpRequest>(&flow.recognised.what);
    if (request == nullptr || flow.judgement.deny_with != InspectRule::DenyWith::page ||
        flow.upstream.valid()) {
        return false;
    }
    const std::string page =
        refusal_page(request->method, flow.recognised.name, flow.judgement.rule);
    if (!send_refusal(flow.client.get(), page)) {
        return false;
    }
    flow.refused_ms = now_ms_;
    flow.to_client.bytes += page.size();
    wake_at(flow, 1);
    table_.arm(flow, next_deadline_ms(flow, now_ms_));
    finish_refusal(flow, 0);
    return true;
}

void Flows::finish_refusal(Flow& flow, uint32_t events) {
    const bool broken = (events & EPOLLERR) != 0;
    if (broken || drain(flow.client.get(), flow.refused_bytes) == Drained::ended) {
        end(flow, End::denied);
    }
}

void Flows::end(Flow& flow, End why) {
    if (why != End::closed && flow.refused_ms == 0) {
        reset_on_close(flow.client.get());
        if (flow.upstream.valid()) {
            reset_on_close(flow.upstream.get());
        }
    }
    release_pipe(flow.to_server, pipes_);
    release_pipe(flow.to_client, pipes_);
    write_line(flow, why);
    needs_.counters.flow_ends(flow.origin.inspect);
    if (why == End::upstream_failed) {
        ++needs_.counters.of(flow.origin.inspect).upstream_failed;
    }
    table_.remove(flow);
}

void Flows::note_judgement(const Flow& flow) {
    needs_.log.count(flow.recognised, flow.judgement);
    if (needs_.log.is_heard()) {
        needs_.log.announce(record_of(flow, "judged"), *config_);
    }
}

void Flows::write_line(const Flow& flow, End why) {
    needs_.log.write(record_of(flow, word_for(why)), *config_);
}

EveRecord Flows::record_of(const Flow& flow, std::string_view end_reason) const {
    EveRecord record;
    record.start = flow.started;
    record.origin = flow.origin;
    record.recognised = flow.recognised;
    record.allowed = flow.judgement.allowed;
    record.verdict_reason = flow.judgement.reason;
    record.inspect_rule = flow.judgement.rule;
    record.logged = flow.judgement.logged;
    record.reached_server = flow.connected;
    if (const Server* server = flow.onward.server()) {
        record.upstream = server_text(server->endpoint.address, server->endpoint.port);
    }
    record.error = flow.error;
    record.end_reason = end_reason;
    record.bytes_to_server = flow.to_server.bytes;
    record.bytes_to_client = flow.to_client.bytes;
    return record;
}

} // namespace pc::inspect
