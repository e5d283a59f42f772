// SPDX-License-Identifier: GPL-3.0-or-later
// What the peeking inspector answers to the frames of one client: on a pair of local sockets in the
// place of the packet socket, with a map in memory in that of the kernel's.
#include <catch2/catch.hpp>
#include <sys/socket.h>

#include "ctl/inspect/peek_flows.h"
#include "tests/support/memory_map.h"

namespace {

using namespace pc::inspect;
using Frame = std::vector<std::byte>;

constexpr uint32_t isn = 0xfffffff0; // the numbers of the stream wrap
constexpr uint8_t push = 0x18;
constexpr uint8_t urgent = 0x38;

struct Answer {
    int word = 0; // enum pc_peek_word; 0: a frame of the inspector's own, to the client
    TcpSegment segment;
    Frame frame;
};

class Bench {
public:
    explicit Bench(const std::vector<std::string>& deny = {"evil.example"}, size_t flows_max = 64) {
        std::array<int, 2> ends{};
        REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
        here_ = pc::Fd(ends[0]);
        there_ = pc::Fd(ends[1]);
        auto config = std::make_shared<Config>();
        pc::Inspect inspect;
        inspect.deny = deny;
        config->inspects[1] = InspectConfig{
            "names", std::make_shared<const Policy>(make_policy(inspect, {}, {}).take()), 0};
        config_ = config;
        flows.emplace(PeekNeeds{there_.get(), map_, counters, log_}, config_, flows_max);
        begin(isn);
        at(1000);
    }

    // The client's SYN passes.
    void begin(uint32_t first, bool released = false) {
        pc_flow flow{};
        flow.verdict = PC_FLOW_PEEK;
        flow.inspect = 1;
        flow.isn = first;
        flow.released = released ? 1 : 0;
        const pc_flow_key key = flow_key(6, client_, server_);
        REQUIRE(map_.put(pc::bytes_of(key), pc::bytes_of(flow)));
    }

    void at(uint64_t now_ms) {
        flows->set_now_ms(now_ms);
        flows->tick();
    }

    std::vector<Answer> say(int32_t offset, std::string_view text, uint8_t flags = push) {
        Reset like{client_, server_, isn + 1 + static_cast<uint32_t>(offset), 77};
        Frame frame = reset_frame(like);
        frame[14 + 20 + 13] = std::byte{flags};
        frame[14 + 3] = static_cast<std::byte>(40 + text.size()); // all texts are short
        const auto bytes = std::as_bytes(std::span(text));
        frame.insert(frame.end(), bytes.begin(), bytes.end());
        REQUIRE(send_frame(here_.get(), {}, frame));
        REQUIRE_FALSE(flows->receive());
        return answers();
    }

    // Another client's turn.
    void next() {
        ++client_.port;
        begin(isn);
    }

    std::vector<Answer> answers() {
        std::vector<Answer> all;
        SeenFrame seen;
        while (receiver_.receive(here_.get(), seen)) {
            Answer answer;
            answer.frame.assign(seen.bytes.begin(), seen.bytes.end());
            answer.segment = *parse_segment(answer.frame);
            constexpr EthernetAddress mark = PC_PEEK_MAC;
            const bool marked =
                std::equal(mark.begin(), mark.end() - 1, answer.frame.begin() + 6,
                           [](uint8_t a, std::byte b) { return std::byte{a} == b; });
            answer.word = marked ? static_cast<int>(answer.frame[11]) : 0;
            all.push_back(std::move(answer));
        }
        return all;
    }

    [[nodiscard]] const pc_inspect_stats& stats() { return counters.of(1); }

    ActiveFlows active{};
    Counters counters{active};
    std::optional<PeekFlows> flows;

private:
    Endpoint client_{*pc::parse_address("192.0.2.1"), 40000};
    Endpoint server_{*pc::parse_address("198.51.100.2"), 80};
    pc::Fd here_, there_;
    pc::test::Faults faults_;
    pc::test::MemoryMap map_{faults_, sizeof(pc_flow), 0};
    LogFile file_ = LogFile::open("/dev/null").take();
    FlowLog log_{file_};
    ConfigPtr config_;
    PeekReceiver receiver_;
};

constexpr std::string_view fine = "GET / HTTP/1.1\r\nHost: fine.example\r\n\r\n";
constexpr std::string_view evil = "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";

std::vector<int> words(const std::vector<Answer>& answers) {
    std::vector<int> all;
    for (const Answer& answer : answers) {
        all.push_back(answer.word);
    }
    return all;
}

using Words = std::vector<int>;
// The frame, a reset to the client, and one to the server.
const Words denied{PC_PEEK_DENY, 0, PC_PEEK_PASS};

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

// --- The start of a stream.

// Each byte by itself: what was said about it first.
struct Model {
    std::map<int64_t, std::byte> said;

    [[nodiscard]] bool contradicts(int64_t offset, std::span<const std::byte> bytes) const {
        for (size_t i = 0; i < bytes.size(); ++i) {
            const auto at = said.find(offset + static_cast<int64_t>(i));
            if (at != said.end() && at->first >= 0 && at->second != bytes[i]) {
                return true;
            }
        }
        return false;
    }

    void add(int64_t offset, std::span<const std::byte> bytes) {
        for (size_t i = 0; i < bytes.size(); ++i) {
            said.emplace(offset + static_cast<int64_t>(i), bytes[i]);
        }
    }

    [[nodiscard]] Frame contiguous() const {
        Frame start;
        for (auto at = said.find(0); at != said.end(); at = said.find(at->first + 1)) {
            start.push_back(at->second);
        }
        return start;
    }

    // Frame from the start on that were said.
    [[nodiscard]] size_t size() const {
        return static_cast<size_t>(std::distance(said.lower_bound(0), said.end()));
    }
};

Frame random_bytes(std::mt19937& dice, size_t size) {
    Frame bytes(size);
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::byte>(dice()); });
    return bytes;
}

// Segments that overlap, repeat, now and then contradict, and begin before the start, within the
// bounds.
void play_random_segments(std::mt19937& dice, size_t length, size_t longest) {
    StreamHead head;
    Model model;
    const Frame truth = random_bytes(dice, length + longest + 8);
    for (int i = 0; i < 60; ++i) { // fewer than gaps_max: too much is never the answer
        const auto offset = static_cast<int64_t>(dice() % (length + 8)) - 8;
        const auto begin = truth.begin() + offset + 8;
        Frame bytes(begin, begin + static_cast<std::ptrdiff_t>(dice() % longest));
        if (!bytes.empty() && dice() % 8 == 0) {
            bytes[dice() % bytes.size()] ^= std::byte{1};
        }
        const bool contradicts = model.contradicts(offset, bytes);
        REQUIRE(head.contradicts(offset, bytes) == contradicts);
        if (contradicts) {
            REQUIRE(head.add(offset, bytes) == StreamHead::Added::contradiction);
            REQUIRE(std::ranges::equal(head.contiguous(), model.contiguous()));
            continue;
        }
        const size_t before = model.size();
        model.add(offset, bytes);
        const auto added = head.add(offset, bytes);
        REQUIRE(added == (model.size() > before ? StreamHead::Added::something_new
                                                : StreamHead::Added::nothing_new));
        REQUIRE(std::ranges::equal(head.contiguous(), model.contiguous()));
        REQUIRE(head.has_gap() == (model.size() != model.contiguous().size()));
    }
}

} // namespace

TEST_CASE("a name is judged: what is allowed goes on, what is denied is reset") {
    Bench allowed;
    CHECK(words(allowed.say(0, fine)) == Words{PC_PEEK_RELEASE});
    CHECK(allowed.stats().allowed == 1);
    CHECK(allowed.stats().active == 0);

    Bench other;
    const auto answers = other.say(0, evil);
    REQUIRE(words(answers) == denied);
    CHECK(other.stats().denied == 1);
    CHECK(other.stats().active == 0);
    CHECK(answers[1].segment.seq == 77); // what the client waits for
    CHECK(answers[1].segment.ack == isn + 1 + static_cast<uint32_t>(evil.size()));
    CHECK(answers[2].segment.seq == isn + 1); // the server has got nothing
}

TEST_CASE("segments are held until they make a name, and only the last one lets go") {
    Bench bench;
    CHECK(bench.say(9, fine.substr(9)).empty());
    CHECK(words(bench.say(0, fine.substr(0, 9))) == Words{PC_PEEK_PASS, PC_PEEK_RELEASE});
}

TEST_CASE("what was sent on before the verdict is sent on again when it is said again") {
    Bench bench;
    CHECK(words(bench.say(0, fine.substr(0, 20))) == Words{PC_PEEK_PASS});
    CHECK(words(bench.say(0, fine.substr(0, 20))) == Words{PC_PEEK_PASS});
    CHECK(words(bench.say(20, fine.substr(20))) == Words{PC_PEEK_RELEASE});
}

TEST_CASE("who contradicts himself is denied, before the verdict and after it") {
    Bench before;
    CHECK(before.say(9, evil.substr(9)).empty());
    CHECK(words(before.say(0, fine)) == Words{PC_PEEK_DENY, 0, PC_PEEK_PASS, PC_PEEK_DENY});

    Bench after;
    CHECK(words(after.say(0, fine)) == Words{PC_PEEK_RELEASE});
    CHECK(words(after.say(0, fine)) == Words{PC_PEEK_RELEASE});
    const auto answers = after.say(0, evil);
    REQUIRE(words(answers) == denied);
    CHECK(answers[2].segment.seq == isn + 1);
    CHECK(after.stats().allowed == 0);
    CHECK(after.stats().denied == 1);
    CHECK(words(after.say(0, fine)) == Words{PC_PEEK_DENY});

    Bench no_list{std::vector<std::string>()};
    CHECK(no_list.say(9, evil.substr(9)).empty());
    CHECK(words(no_list.say(0, fine)) == Words{PC_PEEK_RELEASE}); // of what was held
}

TEST_CASE("what was let go long ago and is said again is denied") {
    Bench bench;
    CHECK(words(bench.say(0, fine)) == Words{PC_PEEK_RELEASE});
    bench.begin(isn, true); // as TC remembers it
    bench.at(1000 + peek_rest_ms + 1);
    CHECK(words(bench.say(0, fine)) == denied);
}

TEST_CASE("urgent data are no start of a stream") {
    Bench bench;
    CHECK(words(bench.say(0, "X", urgent)) == Words{0, PC_PEEK_PASS, PC_PEEK_DENY});
    CHECK(bench.stats().denied == 1);
}

TEST_CASE("a start that does not come is waited for longer, and not let go") {
    Bench bench;
    CHECK(bench.say(1, fine.substr(1)).empty());
    bench.at(1000 + peek_silence_ms + 1);
    CHECK(bench.answers().empty());
    bench.at(1000 + peek_hello_ms + 1);
    CHECK(words(bench.answers()) == denied);

    Bench nameless;
    CHECK(words(nameless.say(0, "Q")) == Words{});
    nameless.at(1000 + peek_silence_ms + 1);
    CHECK(words(nameless.answers()) == Words{PC_PEEK_RELEASE});
}

TEST_CASE("who is judged makes room for who is not, and nobody else does") {
    Bench bench({"evil.example"}, 1);
    for (int i = 0; i < 3; ++i) {
        CHECK(words(bench.say(0, i == 1 ? evil : fine)) ==
              (i == 1 ? denied : Words{PC_PEEK_RELEASE}));
        bench.next();
    }
    CHECK(words(bench.say(0, "Q")) == Words{});
    bench.next();
    CHECK(words(bench.say(0, fine)) == Words{PC_PEEK_DENY});
    CHECK(bench.stats().overload == 1);
    CHECK(bench.stats().flows == 4);
    bench.at(1000 + peek_silence_ms + 1);
    CHECK(words(bench.answers()) == Words{PC_PEEK_RELEASE});
    CHECK(words(bench.say(0, fine)) == Words{PC_PEEK_RELEASE});
    CHECK(bench.stats().overload == 1);
}

TEST_CASE("the next connection of the same ports is another one") {
    Bench bench;
    CHECK(words(bench.say(0, "G")) == Words{PC_PEEK_PASS}); // may become HTTP only
    bench.begin(isn - 10);                                  // its stream begins ten bytes before
    CHECK(words(bench.say(-10, fine)) == Words{PC_PEEK_RELEASE});
    CHECK(bench.stats().flows == 2);
    CHECK(bench.stats().active == 0);
    bench.at(1000 + peek_rest_ms + 1);
    CHECK(bench.stats().active == 0);
}

TEST_CASE("segments in any order make the stream a model makes of them") {
    std::mt19937 dice(20);
    for (int round = 0; round < 300; ++round) {
        play_random_segments(dice, 1 + dice() % 400, 2 + dice() % 60);
    }
    for (int round = 0; round < 5; ++round) {
        play_random_segments(dice, StreamHead::bytes_max - 3000, 3000);
    }
}

TEST_CASE("what was said first about a byte stays, and who says something else is found out") {
    StreamHead head;
    CHECK(head.contiguous().empty());
    CHECK_FALSE(head.has_gap());
    CHECK(head.add(2, bytes_of("cd")) == StreamHead::Added::something_new);
    CHECK(head.contiguous().empty());
    CHECK(head.has_gap());
    for (const char* other : {"abCd", "abcD", "abXYe"}) {
        CHECK(head.add(0, bytes_of(other)) == StreamHead::Added::contradiction);
        CHECK(head.contiguous().empty());
    }
    CHECK(head.add(-1, bytes_of(".abcde")) == StreamHead::Added::something_new);
    CHECK(text_of(head.contiguous()) == "abcde");
    CHECK_FALSE(head.has_gap());
    CHECK(head.add(0, bytes_of("abcde")) == StreamHead::Added::nothing_new);
    CHECK(head.add(-3, bytes_of("...ab")) == StreamHead::Added::nothing_new);
    CHECK(head.add(4, bytes_of("Xf")) == StreamHead::Added::contradiction);
    CHECK(text_of(head.contiguous()) == "abcde");
}

TEST_CASE("bytes before the start are not of the stream") {
    StreamHead head;
    CHECK(head.add(-5, bytes_of("abcde")) == StreamHead::Added::nothing_new);
    CHECK(head.add(-(int64_t{1} << 31), bytes_of("abc")) == StreamHead::Added::nothing_new);
    CHECK(head.contiguous().empty());
    CHECK(head.add(-5, bytes_of("abcdef")) == StreamHead::Added::something_new);
    CHECK(text_of(head.contiguous()) == "f");
    CHECK(head.add(1, {}) == StreamHead::Added::nothing_new);
}

TEST_CASE("a stream's start has a bound, and up to it all is taken") {
    const std::string all(StreamHead::bytes_max, 'a');
    StreamHead head;
    CHECK(head.add(0, bytes_of(all)) == StreamHead::Added::something_new);
    CHECK(head.contiguous().size() == StreamHead::bytes_max);
    CHECK(head.add(0, bytes_of(all)) == StreamHead::Added::nothing_new);

    for (const int64_t offset :
         {int64_t{StreamHead::bytes_max}, int64_t{StreamHead::bytes_max} - 1, int64_t{1} << 31}) {
        StreamHead far;
        CHECK(far.add(0, bytes_of("x")) == StreamHead::Added::something_new);
        CHECK(far.add(offset, bytes_of("yz")) == StreamHead::Added::too_much);
        CHECK(text_of(far.contiguous()) == "x");
    }
}

TEST_CASE("a stream with too many gaps is too much, and what fills them is not") {
    StreamHead head;
    for (size_t i = 0; i < StreamHead::gaps_max; ++i) {
        INFO(i);
        REQUIRE(head.add(static_cast<int64_t>(2 * i + 1), bytes_of("x")) ==
                StreamHead::Added::something_new);
    }
    StreamHead full = head;
    CHECK(full.add(2 * StreamHead::gaps_max + 1, bytes_of("x")) == StreamHead::Added::too_much);
    for (size_t i = 0; i < StreamHead::gaps_max; ++i) {
        INFO(i);
        REQUIRE(head.add(static_cast<int64_t>(2 * i), bytes_of("y")) ==
                StreamHead::Added::something_new);
        REQUIRE(head.contiguous().size() == 2 * (i + 1));
    }
}
