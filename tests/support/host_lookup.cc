// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/host_lookup.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace pc::test {

namespace {

constexpr int answers_max = 4096;
constexpr size_t base = 4096; // where the image lies: not at the start, as in the kernel

uint8_t zone_id(const Plan& plan, const std::string& name) {
    for (const PlanZone& zone : plan.zones) {
        if (zone.name == name) {
            return zone.id;
        }
    }
    return 0;
}

void copy_address(const Address& address, __be32 (&to)[4]) {
    std::memcpy(to, address.bytes.data(), sizeof(to));
}

} // namespace

Result<void> HostClassifier::build(const Plan& plan, const std::vector<TimedRange>& dynamic,
                                   uint64_t seed) {
    classifier_ = TRY(Classifier::build(plan, dynamic, seed));
    const size_t wanted = base + classifier_->wanted();
    const size_t size = std::bit_ceil(wanted);
    mask_ = static_cast<uint32_t>(size - 1);
    memory_.assign(size + PC_ARENA_SLACK + 64, std::byte{0xa5});
    const auto start = reinterpret_cast<uintptr_t>(memory_.data()); // to align it
    arena_ = memory_.data() + (64 - start % 64);
    TRY(classifier_->move_to(std::span(arena_ + base, wanted - base), base));
    head_ = std::make_unique<pc_generation>(plan.generation);
    classifier_->describe(*head_);
    classifier_->bind(*head_);
    return {};
}

void HostClassifier::use() const {
    pc_host_use(arena_, mask_, head_.get());
}

std::vector<pc_host_answer> HostClassifier::walk(const pc_host_question& question) const {
    use();
    std::vector<pc_host_answer> answers(answers_max);
    const int count = pc_host_walk(&question, answers.data(), answers_max);
    answers.resize(static_cast<size_t>(std::max(count, 0)));
    return answers;
}

pc_host_reads HostClassifier::cost(const pc_host_question& question) const {
    use();
    pc_host_reads cost{};
    (void)pc_host_cost(&question, &cost); // ignoring: fails without an arena only
    return cost;
}

uint32_t HostClassifier::block(const pc_host_question& question) const {
    use();
    return pc_host_block(&question);
}

pc_host_question question_of(const Packet& packet, const Plan& plan) {
    pc_host_question question{};
    pc_packet& p = question.packet;
    copy_address(packet.src, p.saddr);
    copy_address(packet.dst, p.daddr);
    p.family = packet.src.family == Family::v4 ? 4 : 6;
    p.proto = packet.proto;
    p.sport = packet.sport.value_or(0);
    p.dport = packet.dport.value_or(0);
    p.icmp_type = packet.icmp_type.value_or(0);
    p.icmp_code = packet.icmp_code.value_or(0);
    p.tcp_flags = packet.tcp_flags.value_or(0);
    p.flags = static_cast<__u8>((packet.sport ? PC_PKT_HAS_PORTS : 0) |
                                (packet.icmp_type ? PC_PKT_HAS_ICMP : 0) |
                                (packet.tcp_flags ? PC_PKT_HAS_TCP_FLAGS : 0));
    p.len = static_cast<__u16>(packet.len);
    p.vlan = static_cast<__u16>(packet.vlan);
    p.ttl = packet.ttl;
    p.dscp = packet.dscp;
    p.frag = static_cast<__u8>(packet.frag);
    if (packet.src_mac) {
        std::copy(packet.src_mac->bytes.begin(), packet.src_mac->bytes.end(), std::begin(p.smac));
    }
    question.state_bit = static_cast<__u8>(packet.state);
    question.own = packet.in ? 0 : 1;
    question.in_zone = packet.in ? zone_id(plan, *packet.in) : 0;
    question.out_known = 1;
    question.out_zone = packet.out ? zone_id(plan, *packet.out) : 0;
    return question;
}

} // namespace pc::test
