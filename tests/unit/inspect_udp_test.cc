// SPDX-License-Identifier: GPL-3.0-or-later
// The pure parts of UDP inspection, and datagrams through loopback sockets.
#include <algorithm>
#include <set>

#include <catch2/catch.hpp>
#include <netinet/in.h>

#include "ctl/inspect/counters.h"
#include "ctl/inspect/datagrams.h"
#include "ctl/inspect/flow.h"
#include "ctl/inspect/flow_id.h"
#include "ctl/inspect/flow_table.h"
#include "ctl/inspect/origin.h"
#include "ctl/inspect/udp_flow.h"
#include "ctl/kern/fd.h"
#include "tests/support/memory_map.h"

namespace {

using namespace pc::inspect;
using pc::Fd;
using State = UdpFlow::State;

Endpoint at(const char* address, uint16_t port) {
    return {*pc::parse_address(address), port};
}

std::vector<std::byte> bytes(size_t size) {
    return std::vector<std::byte>(size, std::byte{7});
}

UdpFlow flow_to(uint16_t port, State state) {
    UdpFlow flow;
    flow.state = state;
    flow.origin.server = at("192.0.2.1", port);
    flow.began_ms = 1000;
    flow.active_ms = 5000;
    return flow;
}

// Bound to a free port of the loopback address.
struct Socket {
    Fd fd;
    Endpoint here;
};

Socket open_loopback(pc::Family family) {
    Socket result;
    const Endpoint wanted = at(family == pc::Family::v4 ? "127.0.0.1" : "::1", 0);
    result.fd.reset(socket(domain_of(family), SOCK_DGRAM | SOCK_CLOEXEC, 0));
    SocketAddress address = socket_address(wanted);
    REQUIRE(bind(result.fd.get(), address.get(), address.size) == 0);
    address.size = sizeof(address.storage);
    REQUIRE(getsockname(result.fd.get(), address.get(), &address.size) == 0);
    result.here = endpoint_of(address.storage);
    return result;
}

} // namespace

TEST_CASE("a flow's datagrams are held up to 16 and 64 KiB") {
    HeldDatagrams held;
    CHECK(held.empty());
    for (size_t i = 0; i < held_datagrams_max; ++i) {
        CHECK(held.add(bytes(i)));
    }
    CHECK_FALSE(held.add(bytes(1)));
    const auto taken = held.take();
    REQUIRE(taken.size() == held_datagrams_max);
    CHECK(taken[0].empty());
    CHECK(taken[15].size() == 15);
    CHECK(held.empty());

    CHECK(held.add(bytes(held_bytes_max - 1)));
    CHECK_FALSE(held.add(bytes(2)));
    CHECK(held.add(bytes(1)));
    CHECK_FALSE(held.add(bytes(1)));
}

TEST_CASE("a UDP flow ends by silence, sooner without an answer, soonest for DNS") {
    UdpFlow flow = flow_to(443, State::allowed);
    CHECK(deadline_ms(flow) == 5000 + unanswered_ms);
    flow.answered = true;
    CHECK(deadline_ms(flow) == 5000 + answered_ms);
    UdpFlow dns = flow_to(53, State::allowed);
    CHECK(deadline_ms(dns) == 5000 + dns_unanswered_ms);
    dns.answered = true;
    CHECK(deadline_ms(dns) == 5000 + dns_answered_ms);
    CHECK(deadline_ms(flow_to(443, State::undecided)) == 1000 + undecided_ms);
    CHECK(deadline_ms(flow_to(443, State::denied)) == 1000 + denied_ms);
}

TEST_CASE("UDP flows differ by each part of client and server") {
    const FlowId id{at("192.0.2.1", 1000), at("198.51.100.1", 53)};
    std::set<size_t> hashes;
    const FlowIdHash hash{1};
    for (const FlowId& other :
         {id, FlowId{at("192.0.2.2", 1000), id.server}, FlowId{at("192.0.2.1", 1001), id.server},
          FlowId{id.client, at("198.51.100.2", 53)}, FlowId{id.client, at("198.51.100.1", 54)},
          FlowId{at("2001:db8::1", 1000), at("2001:db8::2", 53)}}) {
        hashes.insert(hash(other));
        CHECK((other == id) == (hash(other) == hash(id)));
    }
    CHECK(hashes.size() == 6);
    CHECK(hash(id) != FlowIdHash{2}(id));
}

TEST_CASE("a table gives a place again, but not to who asks for the flow before") {
    FlowTable<UdpFlow> table(1);
    UdpFlow& first = table.add();
    const uint32_t index = first.index;
    const uint32_t generation = first.generation;
    CHECK(table.full());
    table.arm(first, 100);
    table.remove(first);
    CHECK_FALSE(table.full());
    UdpFlow& second = table.add();
    CHECK(second.index == index);
    CHECK(table.find(index, generation) == nullptr);
    CHECK(table.find(index, second.generation) == &second);
    CHECK(table.find(index + 1, second.generation) == nullptr);
    CHECK(table.next_due(100) == nullptr); // the timer was the first one's
    table.arm(second, 300);
    table.arm(second, 200);
    table.arm(second, 250); // a later one does not replace it
    CHECK(table.next_due(199) == nullptr);
    CHECK(table.next_due(200) == &second);
    CHECK(table.next_due(1000) == nullptr);
}

TEST_CASE("every end of a flow has its word") {
    CHECK(word_for(End::closed) == "closed");
    CHECK(word_for(End::reset) == "reset");
    CHECK(word_for(End::denied) == "denied");
    CHECK(word_for(End::upstream_failed) == "upstream-failed");
    CHECK(word_for(End::timeout) == "timeout");
    CHECK(word_for(End::shutdown) == "shutdown");
    CHECK(word_for(End::crowded_out) == "crowded-out");
}

TEST_CASE("where a UDP flow comes from, and that it is turned away, stands in its map") {
    pc::test::Faults none;
    pc::test::MemoryMap map(none, sizeof(pc_flow), 0);
    const Endpoint client = at("192.0.2.9", 4000);
    const Endpoint server = at("198.51.100.1", 443);
    CHECK_FALSE(find_origin(map, IPPROTO_UDP, client, server).ok());
    CHECK_FALSE(turn_away(map, client, server, PC_FLOW_DROP, 5).ok());
    pc_flow flow{};
    flow.ct_found = 1;
    flow.client[0] = htonl(0x0a000001);
    flow.client_port = htons(77);
    flow.inspect = 3;
    REQUIRE(map.put(pc::bytes_of(flow_key(IPPROTO_UDP, client, server)), pc::bytes_of(flow)).ok());
    CHECK_FALSE(find_origin(map, IPPROTO_TCP, client, server).ok());
    const Origin origin = find_origin(map, IPPROTO_UDP, client, server).take();
    CHECK(origin.client == at("10.0.0.1", 77));
    CHECK(origin.nat == client);
    CHECK(origin.server == server);
    CHECK(origin.inspect == 3);
    for (const pc_flow_verdict verdict : {PC_FLOW_PASS, PC_FLOW_DROP, PC_FLOW_INSPECT}) {
        REQUIRE(turn_away(map, client, server, verdict, 5).ok());
        const auto value = map.get(pc::bytes_of(flow_key(IPPROTO_UDP, client, server))).take();
        memcpy(&flow, value.data(), sizeof(flow));
        CHECK(flow.verdict == verdict);
        CHECK(flow.created_ns == 5);
        CHECK(flow.inspect == 3);
    }
}

TEST_CASE("counters of all workers are one sum, which goes on from the last inspector's") {
    pc::test::Faults none;
    pc::test::MemoryMap map(none, sizeof(pc_inspect_stats), PC_INSPECTS_MAX);
    const auto stored = [&](uint32_t id) {
        pc_inspect_stats stats{};
        const auto value = map.get(pc::bytes_of(id)).take();
        memcpy(&stats, value.data(), sizeof(stats));
        return stats;
    };
    for (uint32_t id = 0; id < PC_INSPECTS_MAX; ++id) {
        pc_inspect_stats before{};
        before.flows = 10;
        before.active = 4; // of an inspector that was killed
        REQUIRE(map.put(pc::bytes_of(id), pc::bytes_of(before)).ok());
    }
    CounterSum sum = CounterSum::load(map).take();
    ActiveFlows active{};
    Counters one(active);
    Counters two(active);
    one.flow_begins(1);
    two.flow_begins(1);
    two.flow_begins(1);
    two.of(1).overload = 7;
    two.of(PC_INSPECTS_MAX).denied = 1; // out of range: "none"
    CHECK(one.active(1) == 3);
    REQUIRE(sum.store({&one, &two}).ok());
    CHECK(stored(1).flows == 10); // nothing was shown yet
    CHECK(stored(1).active == 0);
    one.show();
    two.show();
    two.flow_ends(1);
    REQUIRE(sum.store({&one, &two}).ok());
    CHECK(stored(1).flows == 13);
    CHECK(stored(1).active == 3);
    CHECK(stored(1).overload == 7);
    CHECK(stored(0).denied == 1);
    CHECK(one.active(1) == 2);
}

TEST_CASE("datagrams come in batches, with their senders, empty ones too") {
    for (const pc::Family family : {pc::Family::v4, pc::Family::v6}) {
        const Socket server = open_loopback(family);
        const Socket client = open_loopback(family);
        const int on = 1;
        if (family == pc::Family::v4) {
            REQUIRE(setsockopt(server.fd.get(), SOL_IP, IP_RECVORIGDSTADDR, &on, sizeof(on)) == 0);
        } else {
            REQUIRE(setsockopt(server.fd.get(), SOL_IPV6, IPV6_RECVORIGDSTADDR, &on, sizeof(on)) ==
                    0);
        }
        SocketAddress to = socket_address(server.here);
        REQUIRE(connect(client.fd.get(), to.get(), to.size) == 0);
        DatagramBatch batch;
        CHECK(batch.receive(server.fd.get()) == 0);
        CHECK(batch.error() == 0);
        for (size_t i = 0; i < DatagramBatch::datagrams_max + 1; ++i) {
            REQUIRE(send_onward(client.fd.get(), bytes(i)) == Sent::done);
        }
        REQUIRE(batch.receive(server.fd.get()) == DatagramBatch::datagrams_max);
        CHECK(batch.bytes(0).empty());
        CHECK(batch.bytes(31).size() == 31);
        CHECK(batch.from(31) == client.here);
        CHECK(batch.to(31) == server.here);
        REQUIRE(batch.receive(server.fd.get()) == 1);
        CHECK(batch.bytes(0).size() == 32);

        // The answer goes to that client, by the address that it wrote to.
        REQUIRE(send_reply(server.fd.get(), server.here, client.here, bytes(3)) == Sent::done);
        REQUIRE(batch.receive(client.fd.get()) == 1);
        CHECK(batch.from(0) == server.here);
        CHECK(batch.to(0).port == 0); // it did not ask where they were sent to
    }
}

TEST_CASE("a server that refuses is told from one that has no room") {
    Socket server = open_loopback(pc::Family::v4);
    const Socket client = open_loopback(pc::Family::v4);
    SocketAddress to = socket_address(server.here);
    REQUIRE(connect(client.fd.get(), to.get(), to.size) == 0);
    CHECK(send_onward(client.fd.get(), bytes(65508)) == Sent::lost); // longer than UDP can be
    server.fd.reset();
    REQUIRE(send_onward(client.fd.get(), bytes(1)) == Sent::done);
    CHECK(send_onward(client.fd.get(), bytes(1)) == Sent::refused);
    CHECK(send_onward(client.fd.get(), bytes(1)) == Sent::done); // the error is taken
    DatagramBatch batch;
    CHECK(batch.receive(client.fd.get()) == 0);
    CHECK(batch.error() == ECONNREFUSED);
}
