// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/flows.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "ctl/inspect/subject.h"

namespace pc::inspect {

namespace {

constexpr size_t queued_per_turn_max = 256; // the heartbeat must not wait for more
constexpr uint32_t stream_events = EPOLLIN | EPOLLOUT | EPOLLRDHUP;

Token token_of(const Flow& flow, Source source) {
    return {source, flow.index, flow.generation};
}

} // namespace

Flows::Flows(FlowNeeds needs, ConfigPtr config, size_t flows_max)
    : needs_(needs), config_(std::move(config)), table_(flows_max), pipes_(2 * flows_max),
      peeked_(first_bytes_max) {}

void Flows::admit(Fd client) {
    const Result<Endpoint> local = local_end(client.get());
    const Result<Endpoint> peer = peer_end(client.get());
    if (!local || !peer) {
        return; // it was reset while it waited to be accepted
    }
    Flow& flow = table_.add();
    flow.client = std::move(client);
    flow.started = wall_now();
    flow.accepted_ms = flow.active_ms = now_ms_;
    const Result<Origin> origin =
        find_origin(needs_.flow_map, IPPROTO_TCP, peer.value(), local.value());
    flow.origin = origin ? origin.value() : Origin{peer.value(), peer.value(), local.value()};
    needs_.counters.flow_begins(flow.origin.inspect);
    if (!origin) {
        deny(flow, fmt::format("not in the flow table: {}", origin.error().message));
        return;
    }
    const InspectConfig* inspect = settings(flow);
    if (inspect != nullptr && inspect->flows_max != 0 &&
        needs_.counters.active(flow.origin.inspect) > inspect->flows_max) {
        if (!inspect->policy->overload_passes) {
            deny(flow, "max_flows");
            return;
        }
        flow.judgement = {true, "max_flows"};
        flow.judged = true;
    }
    start(flow);
}

void Flows::start(Flow& flow) {
    flow.to_server.from = flow.to_client.to = flow.client.get();
    flow.to_server.readable = flow.to_client.writable = true;
    const Result<void> added =
        needs_.poller.add(flow.client.get(), stream_events, token_of(flow, Source::client));
    if (!added) {
        deny(flow, added.error().message);
        return;
    }
    if (flow.judged) {
        connect(flow);
        return;
    }
    table_.arm(flow, next_deadline_ms(flow, now_ms_));
}

void Flows::on_ready(const Ready& ready) {
    Flow* flow = table_.find(ready.token.index, ready.token.generation);
    if (flow == nullptr) {
        return; // ended earlier in this turn
    }
    flow->active_ms = now_ms_;
    note_events(*flow, ready);
    if (flow->refused_ms != 0) {
        finish_refusal(*flow, ready.events);
        return;
    }
    if (ready.token.source == Source::upstream && !flow->connected) {
        finish_connect(*flow);
        flow = table_.find(ready.token.index, ready.token.generation);
        if (flow == nullptr || !flow->connected) {
            return; // the error, if there is one, was that of this attempt
        }
    } else if (!flow->judged && ready.token.source == Source::client) {
        examine(*flow);
    } else {
        relay(*flow);
    }
    flow = table_.find(ready.token.index, ready.token.generation);
    if (flow != nullptr && (ready.events & EPOLLERR) != 0) {
        end(*flow, End::reset); // what could still be delivered has been
    }
}

void Flows::note_events(Flow& flow, const Ready& ready) {
    const bool in = (ready.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    const bool out = (ready.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    if (ready.token.source == Source::client) {
        flow.to_server.readable |= in;
        flow.to_client.writable |= out;
        flow.client_ended |= (ready.events & (EPOLLRDHUP | EPOLLHUP)) != 0;
    } else {
        flow.to_client.readable |= in;
        flow.to_server.writable |= out;
    }
}

void Flows::examine(Flow& flow) {
    const ssize_t got = recv(flow.client.get(), peeked_.data(), peeked_.size(), MSG_PEEK);
    if (got < 0 && errno != EAGAIN && errno != EINTR) {
        end(flow, End::reset);
        return;
    }
    const auto bytes = static_cast<size_t>(std::max<ssize_t>(got, 0));
    if (bytes == 0) {
        if (flow.client_ended) {
            decide(flow, Recognised{});
        } else {
            relay(flow); // the event was that the client takes bytes
        }
        return;
    }
    if (flow.first_byte_ms == 0) {
        flow.first_byte_ms = now_ms_;
    }
    FirstBytes seen = recognise(std::span(peeked_).first(bytes));
    if (auto* recognised = std::get_if<Recognised>(&seen)) {
        decide(flow, std::move(*recognised));
        return;
    }
    wait_for_more(flow, std::get<Undecided>(seen), bytes);
}

void Flows::wait_for_more(Flow& flow, const Undecided& undecided, size_t bytes) {
    flow.certain = undecided.certain;
    if (flow.client_ended || bytes == peeked_.size()) {
        Recognised cut;
        cut.state = flow.certain ? NameState::malformed : NameState::none;
        cut.fault = flow.certain ? "it ends before it is complete" : "";
        decide(flow, cut);
        return;
    }
    wake_at(flow, undecided.bytes);
    table_.arm(flow, next_deadline_ms(flow, now_ms_));
    relay(flow);
}

void Flows::decide(Flow& flow, Recognised recognised) {
    flow.recognised = std::move(recognised);
    const InspectConfig* inspect = settings(flow);
    flow.waits_for_config = inspect == nullptr;
    if (flow.waits_for_config) {
        // The kernel may know a commit some milliseconds before we do.
        if (now_ms_ >= flow.accepted_ms + hello_ms) {
            deny(flow, fmt::format("inspect {} is not configured", flow.origin.inspect));
        }
        return;
    }
    Judgement judgement = judge(*config_, flow.origin, flow.recognised);
    if (!judgement.allowed) {
        deny(flow, std::move(judgement));
        return;
    }
    flow.judgement = std::move(judgement);
    flow.judged = true;
    hold_to_rates(flow);
    note_judgement(flow);
    wake_at(flow, 1);
    if (flow.upstream.valid()) {
        relay(flow);
    } else {
        connect(flow);
    }
}

void Flows::hold_to_rates(Flow& flow) {
    flow.rates = rates_of(needs_.rates, flow.origin, flow.judgement);
    flow.to_server.rate = flow.rates ? &flow.rates->to_server : nullptr;
    flow.to_client.rate = flow.rates ? &flow.rates->to_client : nullptr;
}

void Flows::relay(Flow& flow) {
    if (!flow.connected) {
        return;
    }
    pc_inspect_stats& stats = needs_.counters.of(flow.origin.inspect);
    const Pumped down = pump_counted(flow, flow.to_client, stats.bytes_to_client);
    Pumped up = Pumped::waiting;
    if (flow.judged) {
        up = pump_counted(flow, flow.to_server, stats.bytes_to_server);
    }
    if (up == Pumped::failed || down == Pumped::failed) {
        end(flow, End::reset);
        return;
    }
    if (up == Pumped::done && down == Pumped::done) {
        end(flow, End::closed);
        return;
    }
    if (up == Pumped::again || down == Pumped::again) {
        queue(flow);
    }
    if ((up == Pumped::starved || down == Pumped::starved) && !flow.starved) {
        flow.starved = true;
        starved_.push_back(token_of(flow, Source::client));
    }
    if (flow.to_server.ended || flow.to_client.ended) {
        table_.arm(flow, next_deadline_ms(flow, now_ms_));
    }
}

Pumped Flows::pump_counted(Flow& flow, Direction& direction, __u64& total) {
    const uint64_t before = direction.bytes;
    const Pumped pumped = pump(direction, pipes_);
    total += direction.bytes - before;
    if (direction.bytes != before) {
        flow.active_ms = now_ms_;
    }
    return pumped;
}

void Flows::queue(Flow& flow) {
    if (!flow.queued) {
        flow.queued = true;
        queued_.push_back(token_of(flow, Source::client));
    }
}

void Flows::run_queued() {
    for (size_t left = std::min(queued_.size(), queued_per_turn_max); left > 0; --left) {
        const Token token = queued_.front();
        queued_.pop_front();
        if (Flow* flow = table_.find(token.index, token.generation)) {
            flow->queued = false;
            relay(*flow);
        }
    }
}

void Flows::tick() {
    while (Flow* flow = table_.next_due(now_ms_)) {
        const Token token = token_of(*flow, Source::client);
        on_deadline(*flow);
        if (Flow* alive = table_.find(token.index, token.generation)) {
            table_.arm(*alive, std::max(next_deadline_ms(*alive, now_ms_), now_ms_ + 1));
        }
    }
    const std::vector<Token> starved = std::exchange(starved_, {});
    for (const Token& token : starved) {
        if (Flow* flow = table_.find(token.index, token.generation)) {
            flow->starved = false;
            relay(*flow);
        }
    }
}

void Flows::on_deadline(Flow& flow) {
    if (flow.refused_ms != 0) {
        if (now_ms_ >= flow.refused_ms + refusal_ms) {
            end(flow, End::denied);
        }
        return;
    }
    if (flow.upstream.valid() && !flow.connected && now_ms_ >= flow.connect_until_ms) {
        note_failed(flow, ETIMEDOUT, "connect: no answer");
        connect_next(flow);
        return;
    }
    const bool half_closed = flow.to_server.ended || flow.to_client.ended;
    if (now_ms_ >= flow.active_ms + (half_closed ? half_closed_idle_ms : idle_ms)) {
        end(flow, End::timeout);
        return;
    }
    if (!flow.judged) {
        on_undecided_deadline(flow);
    }
}

void Flows::on_undecided_deadline(Flow& flow) {
    const uint64_t since = flow.first_byte_ms != 0 ? flow.first_byte_ms : flow.accepted_ms;
    const bool silence_over = now_ms_ >= since + silence_ms;
    const bool hello_over = now_ms_ >= since + hello_ms;
    const bool silent = flow.first_byte_ms == 0;
    if (silent && flow.upstream.valid()) {
        return; // the server speaks first; the client may take its time
    }
    if (silence_over && !flow.certain && settings(flow) != nullptr) {
        Judgement nameless = judge(*config_, flow.origin, Recognised{});
        if (nameless.allowed && silent) {
            flow.judgement = std::move(nameless);
            hold_to_rates(flow);
            connect(flow);
            return;
        }
        if (nameless.allowed) {
            decide(flow, Recognised{});
            return;
        }
    }
    if (!hello_over) {
        return;
    }
    if (flow.waits_for_config) {
        decide(flow, flow.recognised);
        return;
    }
    Recognised cut;
    if (flow.certain) {
        cut.state = NameState::late;
        cut.fault = "it does not become complete";
    }
    decide(flow, cut);
}

void Flows::configure(ConfigPtr config) {
    config_ = std::move(config);
    tzset(); // rules may name times of the day; the router's zone may be another one by now
    for (size_t place = 0; place < table_.places(); ++place) {
        Flow* flow = table_.at(place);
        if (flow != nullptr && !flow->judged && flow->refused_ms == 0) {
            examine(*flow);
        }
    }
}

void Flows::end_all() {
    for (size_t place = 0; place < table_.places(); ++place) {
        if (Flow* flow = table_.at(place)) {
            end(*flow, End::shutdown);
        }
    }
}

const InspectConfig* Flows::settings(const Flow& flow) const {
    return config_->find(flow.origin.inspect);
}

} // namespace pc::inspect
