// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/subject.h"

#include <fmt/format.h>

namespace pc::inspect {

namespace {

void add_hello(const TlsHello& hello, Subject& subject) {
    subject.alpn = hello.alpn;
    subject.ech = hello.ech;
    subject.ja4 = hello.ja4;
}

} // namespace

uint16_t minute_of_week(time_t now) {
    constexpr int days = 7;
    constexpr int minutes_per_hour = 60;
    tm parts{};
    (void)localtime_r(&now, &parts); // ignoring: fails only for years that do not fit an int
    const int day = (parts.tm_wday + days - 1) % days; // tm_wday begins on Sunday
    return static_cast<uint16_t>(day * int{minutes_per_day} + parts.tm_hour * minutes_per_hour +
                                 parts.tm_min);
}

Subject subject_of(const Recognised& recognised, const Origin& origin, std::string_view zone,
                   uint16_t minute) {
    Subject subject;
    subject.state = recognised.state;
    subject.name = recognised.name;
    subject.fault = recognised.fault;
    subject.client = origin.client.address;
    subject.zone = zone;
    subject.minute_of_week = minute;
    if (const auto* hello = std::get_if<TlsHello>(&recognised.what)) {
        subject.protocol = FlowProtocol::tls;
        add_hello(*hello, subject);
    } else if (const auto* quic = std::get_if<QuicHello>(&recognised.what)) {
        subject.protocol = FlowProtocol::quic;
        add_hello(quic->tls, subject);
    } else if (std::holds_alternative<DnsMessage>(recognised.what)) {
        subject.protocol = FlowProtocol::dns;
    } else if (const auto* request = std::get_if<HttpRequest>(&recognised.what)) {
        subject.protocol = FlowProtocol::http;
        subject.method = request->method;
        subject.path = request->path;
        subject.path_fault = request->path_fault;
    }
    return subject;
}

Judgement judge(const Config& config, const Origin& origin, const Recognised& recognised) {
    const auto zone = config.zones.find(origin.in_ifindex);
    const std::string_view name = zone == config.zones.end() ? std::string_view{} : zone->second;
    return judge(*config.find(origin.inspect)->policy,
                 subject_of(recognised, origin, name, minute_of_week(time(nullptr))));
}

std::shared_ptr<RatePair> rates_of(RateBuckets& buckets, const Origin& origin,
                                   const Judgement& judgement) {
    if (judgement.bits_per_second == 0) {
        return nullptr;
    }
    if (judgement.per == InspectRule::Per::flow) {
        return RateBuckets::own(judgement.bits_per_second);
    }
    std::string key = fmt::format("{} {} ", origin.inspect, judgement.rule);
    if (judgement.per == InspectRule::Per::client) {
        // A client with IPv6 has as many addresses as it likes, of one /64.
        const bool v4 = origin.client.address.family == Family::v4;
        const auto& bytes = origin.client.address.bytes;
        key += v4 ? "4" : "6";
        key.append(reinterpret_cast<const char*>(bytes.data()), v4 ? 4 : 8);
    }
    return buckets.share(key, judgement.bits_per_second);
}

} // namespace pc::inspect
