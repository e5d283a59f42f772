// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/udp_flows.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "ctl/inspect/clock.h"
#include "ctl/inspect/random.h"
#include "ctl/inspect/subject.h"

namespace pc::inspect {

namespace {

// Of one turn, so that neither other flows nor the heartbeat wait.
constexpr size_t batches_per_turn = 8;
constexpr size_t queued_per_turn_max = 256;

Token token_of(const UdpFlow& flow) {
    return {Source::udp_upstream, flow.index, flow.generation};
}

FlowId id_of(const UdpFlow& flow) {
    return {flow.origin.nat, flow.origin.server};
}

} // namespace

UdpFlows::UdpFlows(UdpFlowNeeds needs, ConfigPtr config, size_t flows_max)
    : needs_(needs), config_(std::move(config)), table_(flows_max),
      by_id_(0, FlowIdHash{random_number()}), replies_(needs.netns) {}

pc_inspect_stats& UdpFlows::stats(const UdpFlow& flow) {
    return needs_.counters.of(flow.origin.inspect);
}

bool UdpFlows::receive_from(int listener) {
    for (size_t i = 0; i < batches_per_turn; ++i) {
        const size_t count = batch_.receive(listener);
        if (count == 0 && batch_.error() == 0) {
            return false;
        }
        for (size_t at = 0; at < count; ++at) {
            take_datagram({batch_.from(at), batch_.to(at)}, batch_.bytes(at));
        }
    }
    return true;
}

void UdpFlows::take_datagram(const FlowId& id, std::span<const std::byte> bytes) {
    UdpFlow* flow = find(id);
    if (flow == nullptr) {
        flow = admit(id);
    }
    if (flow == nullptr) {
        return;
    }
    switch (flow->state) {
    case UdpFlow::State::undecided:
        judge_datagram(*flow, bytes);
        return;
    case UdpFlow::State::allowed:
        send_to_server(*flow, bytes);
        return;
    case UdpFlow::State::denied:
        ++stats(*flow).datagrams_lost;
        return;
    }
}

UdpFlow* UdpFlows::find(const FlowId& id) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) {
        return nullptr;
    }
    UdpFlow* flow = table_.find(found->second.index, found->second.generation);
    if (flow != nullptr && now_ms_ - flow->active_ms > client_sure_ms &&
        !is_still_of_client(*flow, id)) {
        end(*flow, End::timeout);
        return nullptr;
    }
    return flow;
}

bool UdpFlows::is_still_of_client(const UdpFlow& flow, const FlowId& id) const {
    const Result<Origin> now = find_origin(needs_.flow_map, IPPROTO_UDP, id.client, id.server);
    return now && now.value().client == flow.origin.client;
}

// Null if there is no room for it, or its policy is not known; the datagram is lost then.
UdpFlow* UdpFlows::admit(const FlowId& id) {
    const Result<Origin> origin = find_origin(needs_.flow_map, IPPROTO_UDP, id.client, id.server);
    if (!origin) {
        ++needs_.counters.of(0).datagrams_lost;
        return nullptr;
    }
    if (!has_room_for(id, origin.value())) {
        return nullptr;
    }
    UdpFlow& flow = table_.add();
    by_id_[id] = token_of(flow);
    unanswered_.push_back(token_of(flow));
    flow.started = wall_now();
    flow.began_ms = flow.active_ms = now_ms_;
    flow.origin = origin.value();
    needs_.counters.flow_begins(flow.origin.inspect);
    table_.arm(flow, deadline_ms(flow));
    return &flow;
}

bool UdpFlows::has_room_for(const FlowId& id, const Origin& origin) {
    pc_inspect_stats& counted = needs_.counters.of(origin.inspect);
    const InspectConfig* inspect = config_->find(origin.inspect);
    const bool at_limit = inspect != nullptr && inspect->flows_max != 0 &&
                          needs_.counters.active(origin.inspect) >= inspect->flows_max;
    if (!at_limit && (!table_.full() || make_room())) {
        return true;
    }
    ++counted.overload;
    ++counted.datagrams_lost;
    const bool passes = inspect != nullptr && inspect->policy->overload_passes;
    // Ignoring: then its next datagram comes here again.
    (void)turn_away(needs_.flow_map, id.client, id.server, passes ? PC_FLOW_PASS : PC_FLOW_DROP,
                    now_ms_ * 1'000'000);
    return false;
}

bool UdpFlows::make_room() {
    while (!unanswered_.empty()) {
        const Token token = unanswered_.front();
        unanswered_.pop_front();
        UdpFlow* flow = table_.find(token.index, token.generation);
        if (flow != nullptr && !flow->answered) {
            end(*flow, End::crowded_out);
            return true;
        }
    }
    return false;
}

// Nothing of a client is sent onward before this has decided.
void UdpFlows::judge_datagram(UdpFlow& flow, std::span<const std::byte> bytes) {
    if (!flow.held.add(bytes)) {
        ++stats(flow).datagrams_lost;
        return;
    }
    if (flow.waits_for_config) {
        return;
    }
    if (std::optional<Recognised> recognised = flow.first.add(bytes)) {
        flow.recognised = std::move(*recognised);
        decide(flow);
    }
}

void UdpFlows::decide(UdpFlow& flow) {
    const InspectConfig* inspect = config_->find(flow.origin.inspect);
    flow.waits_for_config = inspect == nullptr;
    if (flow.waits_for_config) {
        return; // the kernel may know a commit some milliseconds before we do
    }
    flow.judgement = judge(*config_, flow.origin, flow.recognised);
    if (!flow.judgement.allowed) {
        deny(flow, flow.judgement);
        return;
    }
    flow.state = UdpFlow::State::allowed;
    flow.rates = rates_of(needs_.rates, flow.origin, flow.judgement);
    note_judgement(flow);
    ++stats(flow).allowed;
    connect(flow);
    for (const std::vector<std::byte>& held : flow.held.take()) {
        send_to_server(flow, held);
    }
    table_.arm(flow, deadline_ms(flow));
}

// Its datagrams are swallowed for a while, so that each is not a flow and a line of its own.
void UdpFlows::deny(UdpFlow& flow, Judgement judgement) {
    flow.judgement = std::move(judgement);
    flow.state = UdpFlow::State::denied;
    note_judgement(flow);
    stats(flow).datagrams_lost += flow.held.take().size();
    ++stats(flow).denied;
    write_line(flow, End::denied);
    table_.arm(flow, deadline_ms(flow));
}

void UdpFlows::connect(UdpFlow& flow) {
    Result<Fd> fd = connect_datagrams(flow.origin.server, config_->bypass_mark);
    if (!fd) {
        flow.error = fd.error().message;
        ++stats(flow).upstream_failed;
        return;
    }
    const Result<void> added = needs_.poller.add(fd.value().get(), EPOLLIN, token_of(flow));
    if (!added) {
        flow.error = added.error().message;
        ++stats(flow).upstream_failed;
        return;
    }
    flow.upstream = fd.take();
}

void UdpFlows::send_to_server(UdpFlow& flow, std::span<const std::byte> bytes) {
    flow.active_ms = now_ms_;
    if (flow.rates && !flow.rates->to_server.take_whole(bytes.size(), monotonic_ns())) {
        ++stats(flow).datagrams_lost;
        return;
    }
    Sent sent = flow.upstream.valid() ? send_onward(flow.upstream.get(), bytes) : Sent::lost;
    if (sent == Sent::refused) { // an earlier one; the error is taken, and this one has its chance
        note_refusal(flow, errno);
        sent = send_onward(flow.upstream.get(), bytes);
    }
    if (sent != Sent::done) {
        ++stats(flow).datagrams_lost;
        return;
    }
    ++flow.datagrams_to_server;
    flow.bytes_to_server += bytes.size();
    ++stats(flow).datagrams_to_server;
    stats(flow).bytes_to_server += bytes.size();
}

void UdpFlows::on_ready(const Ready& ready) {
    UdpFlow* flow = table_.find(ready.token.index, ready.token.generation);
    if (flow != nullptr && flow->upstream.valid()) {
        relay_answers(*flow);
    }
}

void UdpFlows::relay_answers(UdpFlow& flow) {
    for (size_t i = 0; i < batches_per_turn; ++i) {
        const size_t count = batch_.receive(flow.upstream.get());
        if (batch_.error() != 0) {
            note_refusal(flow, batch_.error());
            continue;
        }
        for (size_t at = 0; at < count; ++at) {
            send_to_client(flow, batch_.bytes(at));
        }
        if (count < DatagramBatch::datagrams_max) {
            return; // what comes after this is a new event
        }
    }
    if (!flow.queued) {
        flow.queued = true;
        queued_.push_back(token_of(flow));
    }
}

void UdpFlows::send_to_client(UdpFlow& flow, std::span<const std::byte> bytes) {
    flow.active_ms = now_ms_;
    if (!flow.answered) {
        flow.answered = true;
        table_.arm(flow, deadline_ms(flow)); // DNS: sooner than before
    }
    if (flow.rates && !flow.rates->to_client.take_whole(bytes.size(), monotonic_ns())) {
        ++stats(flow).datagrams_lost;
        return;
    }
    const Result<int> socket = replies_.find(flow.origin.server);
    if (!socket ||
        send_reply(socket.value(), flow.origin.server, flow.origin.nat, bytes) != Sent::done) {
        ++stats(flow).datagrams_lost;
        return;
    }
    ++flow.datagrams_to_client;
    flow.bytes_to_client += bytes.size();
    ++stats(flow).datagrams_to_client;
    stats(flow).bytes_to_client += bytes.size();
}

// There is no socket of the client's that could be told. The flow goes on, because the server may
// come; the first refusal is counted and stands in the log.
void UdpFlows::note_refusal(UdpFlow& flow, int error) {
    if (flow.error.empty()) {
        flow.error = fmt::format("send: {}", strerror(error));
        ++stats(flow).upstream_failed;
    }
}

void UdpFlows::run_queued() {
    for (size_t left = std::min(queued_.size(), queued_per_turn_max); left > 0; --left) {
        const Token token = queued_.front();
        queued_.pop_front();
        if (UdpFlow* flow = table_.find(token.index, token.generation)) {
            flow->queued = false;
            relay_answers(*flow);
        }
    }
}

void UdpFlows::tick() {
    while (UdpFlow* flow = table_.next_due(now_ms_)) {
        if (const uint64_t deadline = deadline_ms(*flow); deadline > now_ms_) {
            table_.arm(*flow, deadline);
        } else if (flow->waits_for_config) {
            deny(*flow, Judgement{false, fmt::format("inspect {} is not configured",
                                                     flow->origin.inspect)});
        } else if (flow->state == UdpFlow::State::undecided) {
            flow->recognised.state = NameState::late;
            flow->recognised.fault = "it does not become complete";
            decide(*flow);
        } else {
            end(*flow, End::timeout);
        }
    }
    while (!unanswered_.empty()) {
        const Token token = unanswered_.front();
        const UdpFlow* flow = table_.find(token.index, token.generation);
        if (flow != nullptr && !flow->answered) {
            break;
        }
        unanswered_.pop_front();
    }
}

void UdpFlows::configure(ConfigPtr config) {
    config_ = std::move(config);
    for (size_t place = 0; place < table_.places(); ++place) {
        UdpFlow* flow = table_.at(place);
        if (flow != nullptr && flow->waits_for_config) {
            decide(*flow);
        }
    }
}

void UdpFlows::end_all() {
    for (size_t place = 0; place < table_.places(); ++place) {
        if (UdpFlow* flow = table_.at(place)) {
            end(*flow, End::shutdown);
        }
    }
}

void UdpFlows::end(UdpFlow& flow, End why) {
    if (flow.state != UdpFlow::State::denied) { // of which the line is written
        write_line(flow, why);
    }
    needs_.counters.flow_ends(flow.origin.inspect);
    by_id_.erase(id_of(flow));
    table_.remove(flow);
}

void UdpFlows::note_judgement(const UdpFlow& flow) {
    needs_.log.count(flow.recognised, flow.judgement);
    if (needs_.log.is_heard()) {
        needs_.log.announce(record_of(flow, "judged"), *config_);
    }
}

void UdpFlows::write_line(const UdpFlow& flow, End why) {
    needs_.log.write(record_of(flow, word_for(why)), *config_);
}

EveRecord UdpFlows::record_of(const UdpFlow& flow, std::string_view end_reason) const {
    EveRecord record;
    record.start = flow.started;
    record.origin = flow.origin;
    record.udp = true;
    record.recognised = flow.recognised;
    record.allowed = flow.judgement.allowed;
    record.verdict_reason = flow.judgement.reason;
    record.inspect_rule = flow.judgement.rule;
    record.logged = flow.judgement.logged;
    record.reached_server = flow.answered;
    record.error = flow.error;
    record.end_reason = end_reason;
    record.bytes_to_server = flow.bytes_to_server;
    record.bytes_to_client = flow.bytes_to_client;
    record.datagrams_to_server = flow.datagrams_to_server;
    record.datagrams_to_client = flow.datagrams_to_client;
    return record;
}

} // namespace pc::inspect
