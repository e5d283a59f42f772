// SPDX-License-Identifier: GPL-3.0-or-later
// What an operator sees of the inspector: flows on their way from its workers to the shell, the
// names that were asked for the most, and what the daemon remembers of flows that were let go.
#include <cstring>

#include <catch2/catch.hpp>

#include "ctl/daemon/flow_log.h"
#include "ctl/daemon/judged_flows.h"
#include "ctl/inspect/reporter.h"
#include "ctl/protocol/eve_flow_id.h"
#include "ctl/shell/inspected.h"

using namespace pc;
using namespace pc::protocol;
using inspect::Notices;
using inspect::Reporter;
using inspect::SeenPart;
using inspect::SeenQuestionPtr;

namespace {

// As it comes over a socket: whole numbers without a sign are unsigned then.
Json sent(const Json& object) {
    return Json::parse(object.dump());
}

FlowEnd end(std::string_view address, uint16_t port) {
    return {*parse_address(address), port};
}

InspectedFlow flow_to(std::string name, uint64_t bytes = 0) {
    InspectedFlow flow;
    flow.src = end("10.0.0.2", 40000);
    flow.dst = end("192.0.2.1", 443);
    flow.nat = end("198.51.100.1", 50000);
    flow.protocol = "tls";
    flow.inspect = "web";
    flow.rule = "inspect-web";
    flow.name = std::move(name);
    flow.verdict = "allow";
    flow.reason = "no list";
    flow.bytes_received = bytes;
    flow.age_s = 1.5;
    return flow;
}

const NameRow* row_of(const NameCounts& counts, std::string_view name) {
    for (const NameRow& row : counts.rows) {
        if (row.name == name) {
            return &row;
        }
    }
    return nullptr;
}

pc_flow_entry entry_of(const InspectedFlow& flow, uint64_t verdict) {
    pc_flow_entry entry{};
    memcpy(entry.addr[1], flow.nat.address.bytes.data(), 4);
    memcpy(entry.addr[0], flow.dst.address.bytes.data(), 4);
    entry.port[1] = flow.nat.port;
    entry.port[0] = flow.dst.port;
    entry.proto = flow.proto;
    entry.where = PC_WHERE(1, 4, 0);
    entry.decision = PC_DECISION(7, verdict, 0, 1, 1);
    entry.bytes[1] = 300;
    entry.bytes[0] = 20000;
    return entry;
}

} // namespace

TEST_CASE("a flow id is that of both directions, and small enough for every JSON reader") {
    const auto id = [](const FlowEnd& a, const FlowEnd& b, uint8_t proto) {
        return eve_flow_id(a.address, a.port, b.address, b.port, proto);
    };
    const FlowEnd a = end("2001:db8::1", 40000);
    const FlowEnd b = end("2001:db8::2", 443);
    CHECK(id(a, b, 6) == id(b, a, 6));
    CHECK(id(a, b, 6) != id(a, b, 17));
    CHECK(id(a, b, 6) != id(a, end("2001:db8::2", 444), 6));
    CHECK(id(a, b, 6) < uint64_t{1} << 53);
}

TEST_CASE("few names are counted exactly, with verdicts and bytes") {
    TopNames names;
    names.add("a.example", {.flows = 1});
    names.add("a.example", {.flows = 1, .denied = 1});
    names.add("", {.flows = 1});
    names.add("a.example", {.bytes_to_server = 10, .bytes_to_client = 20});
    for (const NameOrder order : {NameOrder::flows, NameOrder::bytes}) {
        const NameCounts counts = names.counts(order);
        CHECK(counts.total == NameTally{3, 1, 10, 20});
        REQUIRE(row_of(counts, "a.example") != nullptr);
        CHECK(row_of(counts, "a.example")->tally.bytes() == 30);
        CHECK(row_of(counts, "a.example")->missed == 0);
    }
    const NameCounts counts = names.counts(NameOrder::flows);
    CHECK(row_of(counts, "a.example")->tally == NameTally{2, 1, 10, 20});
    CHECK(row_of(counts, "")->tally.flows == 1);
    // Flows that were counted before a name weighed anything by bytes are not known there.
    CHECK(row_of(names.counts(NameOrder::bytes), "") == nullptr);
}

TEST_CASE("a name with many flows is found among more names than there are places") {
    TopNames names;
    uint64_t heavy = 0;
    for (uint64_t i = 0; i < 100000; ++i) {
        const bool is_heavy = i % 50 == 49;
        heavy += is_heavy ? 1 : 0;
        names.add(is_heavy ? "heavy.example" : "n" + std::to_string(i), {.flows = 1});
    }
    NameCounts counts = names.counts(NameOrder::flows);
    CHECK(counts.rows.size() == TopNames::places);
    CHECK(counts.total.flows == 100000);
    counts.keep(NameOrder::flows, 1);
    REQUIRE(counts.rows.size() == 1);
    const NameRow& first = counts.rows[0];
    CHECK(first.name == "heavy.example");
    CHECK(first.tally.flows <= heavy);
    CHECK(first.tally.flows + first.missed >= heavy);
    CHECK(first.missed <= 100000 / TopNames::places);
}

TEST_CASE("names of the last minutes are kept, older ones forgotten") {
    TopNames names;
    names.tick(1000);
    names.add("old.example", {.flows = 1});
    names.tick(1000 + TopNames::turn_ms - 1);
    names.add("old.example", {.flows = 1});
    names.tick(1000 + TopNames::turn_ms);
    names.add("new.example", {.flows = 1});
    CHECK(row_of(names.counts(NameOrder::flows), "old.example")->tally.flows == 2);
    names.tick(1000 + 2 * TopNames::turn_ms);
    CHECK(row_of(names.counts(NameOrder::flows), "old.example") == nullptr);
    CHECK(row_of(names.counts(NameOrder::flows), "new.example")->tally.flows == 1);
    CHECK(names.counts(NameOrder::flows).total.flows == 1);
}

TEST_CASE("counts of several workers are added, sorted, and survive the way to the daemon") {
    NameCounts sum{{{"a", {3, 1, 5, 6}, 1}, {"b", {2, 0, 0, 100}, 0}}, {5, 1, 5, 106}};
    sum.add({{{"b", {2, 2, 0, 0}, 4}, {"c", {9, 0, 0, 0}, 0}}, {11, 2, 0, 0}});
    NameCounts back = names_in(names_object(sum));
    CHECK(back.total == NameTally{16, 3, 5, 106});
    back.keep(NameOrder::flows, 2);
    REQUIRE(back.rows.size() == 2);
    CHECK(back.rows[0].name == "c");
    CHECK(back.rows[1].name == "b");
    CHECK(back.rows[1].tally == NameTally{4, 2, 0, 100});
    CHECK(back.rows[1].missed == 4);
    sum.keep(NameOrder::bytes, 1);
    CHECK(sum.rows[0].name == "b");
    CHECK(names_in(Json::array()).rows.empty());
    CHECK(names_in(Json{{"rows", {1, "x", {{"name", 7}}}}, {"total", 4}}).rows.empty());
}

TEST_CASE("a flow is the same after its way as JSON, and what is none is refused") {
    for (const InspectedWay way : {InspectedWay::terminated, InspectedWay::peeked,
                                   InspectedWay::released, InspectedWay::denied}) {
        InspectedFlow flow = flow_to("a.example", 7);
        flow.way = way;
        flow.inspect_rule = "ads";
        const Json object = inspected_object(flow);
        CHECK(object["way"] == std::string(word_of(way)));
        const auto back = inspected_in(object);
        REQUIRE(back.ok());
        CHECK(inspected_object(back.value()) == object);
    }
    const Json good = inspected_object(flow_to("a.example"));
    CHECK(good["nat_src"] == "198.51.100.1");
    for (const auto& [key, value] : {std::pair<const char*, Json>{"src", "x"},
                                     {"dport", 65536},
                                     {"nat_sport", "1"},
                                     {"proto", "x-y"},
                                     {"way", "gone"}}) {
        Json bad = good;
        bad[key] = value;
        CHECK(inspected_in(bad).error().err == EPROTO);
    }
    CHECK_FALSE(inspected_in(Json(3)).ok());
    Json long_name = good;
    long_name["name"] = std::string(5000, 'a');
    CHECK(inspected_in(long_name).value().name.size() == 255);
}

TEST_CASE("flows of the inspector are found by what is known of them") {
    const InspectedFlow flow = flow_to("www.a.example");
    const auto fits = [&flow](const Json& words) {
        return inspected_filter(sent(words)).value().fits(flow);
    };
    for (const Json& words :
         {Json::object(), Json{{"src", "10.0.0.0/8"}}, Json{{"dst", "192.0.2.1"}},
          Json{{"host", "192.0.2.0/24"}}, Json{{"port", 443}}, Json{{"sport", 40000}},
          Json{{"dport", 443}}, Json{{"proto", "tcp"}}, Json{{"family", "ipv4"}},
          Json{{"inspect", "web"}}, Json{{"rule", "inspect-web"}}, Json{{"verdict", "allow"}},
          Json{{"way", "terminated"}}, Json{{"name", "a.example"}},
          Json{{"name", "www.a.example"}}}) {
        INFO(words.dump());
        CHECK(fits(words));
    }
    for (const Json& words :
         {Json{{"src", "192.0.2.1"}}, Json{{"dst", "10.0.0.0/8"}}, Json{{"host", "198.51.100.1"}},
          Json{{"port", 50000}}, Json{{"sport", 443}}, Json{{"dport", 40000}},
          Json{{"proto", "udp"}}, Json{{"family", "ipv6"}}, Json{{"inspect", "we"}},
          Json{{"rule", "x"}}, Json{{"verdict", "deny"}}, Json{{"way", "peeked"}},
          Json{{"name", "ww.a.example"}}, Json{{"name", "b.example"}}}) {
        INFO(words.dump());
        CHECK_FALSE(fits(words));
    }
    for (const Json& words :
         {Json{{"src", "10.0.0.1/8"}}, Json{{"src", 4}}, Json{{"port", 65536}},
          Json{{"proto", "x-y"}}, Json{{"family", "ip"}}, Json{{"verdict", "drop"}},
          Json{{"way", "gone"}}, Json{{"name", 4}}}) {
        INFO(words.dump());
        CHECK(inspected_filter(sent(words)).error().err == EINVAL);
    }
}

TEST_CASE("rows of flows are the first ones in the order that is asked for") {
    CHECK(inspected_order("").value() == InspectedOrder::bytes);
    CHECK(inspected_order("age").value() == InspectedOrder::age);
    CHECK_FALSE(inspected_order("packets").ok());
    InspectedRows by_bytes(inspected_order("bytes").value(), 2);
    InspectedRows by_age(InspectedOrder::age, 2);
    for (const uint64_t bytes : {3, 9, 1, 7, 5, 8}) {
        InspectedFlow flow = flow_to("n" + std::to_string(bytes), bytes);
        flow.age_s = static_cast<double>(bytes);
        by_bytes.add(flow);
        by_age.add(flow);
    }
    by_bytes.add_count(10);
    CHECK(by_bytes.added() == 16);
    const auto most = by_bytes.take();
    REQUIRE(most.size() == 2);
    CHECK(most[0].name == "n9");
    CHECK(most[1].name == "n8");
    CHECK(by_age.take()[0].name == "n1");
}

TEST_CASE("what workers leave is bounded, and what is lost is counted") {
    Notices notices;
    CHECK_FALSE(notices.wants_lines());
    const std::string line(Notices::lines_bytes_max / 4, 'x');
    for (int i = 0; i < 6; ++i) {
        notices.line(line);
    }
    for (size_t i = 0; i < Notices::judged_max + 1; ++i) {
        notices.judged(flow_to("a"));
    }
    const Notices::Taken taken = notices.take();
    CHECK(taken.lines.size() == 4);
    CHECK(taken.lost == 2);
    CHECK(taken.judged.size() == Notices::judged_max);
    CHECK(notices.take().lost == 0);
    notices.line(line);
    CHECK(notices.take().lines.size() == 1);
}

TEST_CASE("a question is answered when all workers have, or when it has waited long enough") {
    Notices notices;
    Reporter reporter(notices, 2);
    std::vector<Json> said;
    std::vector<SeenQuestionPtr> asked;
    bool heard = true;
    const Reporter::Say say = [&](const Json& words) {
        said.push_back(words);
        return heard;
    };
    const Reporter::Ask ask = [&](SeenQuestionPtr question) { asked.push_back(question); };
    const auto take = [&](const Json& words) { reporter.take(sent(words), 1000, ask, say); };
    const auto flows_of = [](uint64_t number, uint64_t bytes, uint64_t matched) {
        return SeenPart{number, {flow_to("n" + std::to_string(bytes), bytes)}, matched, {}};
    };
    take({{"of", "flows"}, {"number", 7}, {"limit", 1}, {"filter", {{"port", 443}}}});
    REQUIRE(asked.size() == 1);
    CHECK(asked[0]->filter.port == 443);
    notices.answer(flows_of(7, 5, 3));
    notices.answer(flows_of(99, 5, 3)); // of a question that nobody asked
    reporter.tick(1100, say);
    CHECK(said.empty());
    notices.answer(flows_of(7, 9, 1));
    reporter.tick(1200, say);
    REQUIRE(said.size() == 1);
    CHECK(said[0]["answer"] == 7);
    CHECK(said[0]["matched"] == 4);
    CHECK(said[0]["workers"] == Json{{"of", 2}, {"answered", 2}});
    REQUIRE(said[0]["flows"].size() == 1);
    CHECK(said[0]["flows"][0]["name"] == "n9");

    take({{"of", "names"}, {"number", 8}, {"by", "bytes"}});
    CHECK(asked[1]->by == NameOrder::bytes);
    notices.answer({8, {}, 0, {{{"a", {1, 0, 0, 0}, 0}}, {1, 0, 0, 0}}});
    reporter.tick(1000 + Reporter::patience_ms, say);
    REQUIRE(said.size() == 2);
    CHECK(said[1]["workers"] == Json{{"of", 2}, {"answered", 1}});
    CHECK(said[1]["names"]["rows"][0]["name"] == "a");

    take({{"of", "weather"}, {"number", 9}});
    CHECK(said[2]["answer"] == 9);
    CHECK(said[2]["error"].is_string());
    take({{"of", "flows"}, {"number", 10}, {"filter", {{"port", "x"}}}});
    CHECK(said[3]["error"].is_string());
}

TEST_CASE("lines are told of while somebody wants them, with how many were lost on the way") {
    Notices notices;
    Reporter reporter(notices, 1);
    std::vector<Json> said;
    bool heard = false;
    const Reporter::Say say = [&](const Json& words) {
        said.push_back(words);
        return heard;
    };
    const Reporter::Ask ask = [](const SeenQuestionPtr&) {};
    reporter.take({{"of", "lines"}}, 0, ask, say);
    CHECK(notices.wants_lines());
    notices.line("one\n");
    notices.line("two\n");
    reporter.tick(100, say); // nobody takes them
    heard = true;
    notices.line("three\n");
    notices.judged(flow_to("a.example"));
    reporter.tick(200, say);
    REQUIRE(said.size() == 2);
    CHECK(said[1]["lines"] == Json{"three\n"});
    CHECK(said[1]["lost"] == 2);
    CHECK(said[1]["judged"][0]["name"] == "a.example");
    reporter.tick(300, say);
    CHECK(said.size() == 2);
    reporter.take({{"of", "no lines"}}, 0, ask, say);
    CHECK_FALSE(notices.wants_lines());
    notices.listen();
    reporter.forget();
    CHECK_FALSE(notices.wants_lines());
}

TEST_CASE("what was said about a flow is remembered until the kernel's table forgets the flow") {
    daemon::JudgedFlows judged;
    const InspectedFlow said = flow_to("a.example");
    judged.add(said);
    judged.add(said);
    CHECK(judged.size() == 1);
    const pc_flow_entry entry = entry_of(said, PC_DECISION_RELEASED);
    const InspectedFlow seen = judged.look(entry, 4);
    CHECK(seen.name == "a.example");
    CHECK(seen.src == said.src);
    CHECK(seen.way == InspectedWay::released);
    CHECK(seen.bytes_sent == 300);
    CHECK(seen.bytes_received == 20000);
    CHECK(seen.age_s == 4);
    pc_flow_entry other = entry_of(said, PC_DECISION_DROP);
    other.port[1] = 50001;
    CHECK(judged.look(other, 0).name.empty());
    CHECK(judged.look(other, 0).way == InspectedWay::denied);
    CHECK(judged.look(other, 0).verdict == "deny");
    CHECK_FALSE(judged.take(other).has_value());
    CHECK_FALSE(judged.take(entry_of(said, PC_DECISION_ACCEPT)).has_value());
    CHECK(judged.take(entry_of(said, PC_DECISION_JUDGED)).value().bytes_received == 20000);
    CHECK_FALSE(judged.take(entry).has_value());
    CHECK(row_of(judged.names().counts(NameOrder::bytes), "a.example")->tally.bytes() == 20300);
    for (const uint32_t verdict : {PC_DECISION_NONE, PC_DECISION_ACCEPT, PC_DECISION_INSPECT}) {
        CHECK_FALSE(daemon::is_judged(entry_of(said, verdict)));
    }
    for (size_t i = 0; i <= daemon::JudgedFlows::flows_max; ++i) {
        InspectedFlow flow = said;
        flow.nat.port = static_cast<uint16_t>(i);
        flow.dst.port = static_cast<uint16_t>(i >> 16);
        judged.add(flow);
    }
    CHECK(judged.size() == daemon::JudgedFlows::flows_max);
}

TEST_CASE("the record of a flow that was let go has the inspector's words and its flow id") {
    const InspectedFlow said = flow_to("a.example");
    const daemon::EndedFlow ended{entry_of(said, PC_DECISION_RELEASED),
                                  daemon::EndedFlow::Why::timeout};
    const daemon::FlowNames names{{{7, "inspect-web"}}, {}};
    const Json record = daemon::flow_record(ended, names, {}, 0, &said);
    CHECK(record["src_ip"] == "198.51.100.1");
    CHECK(record["flow_id"] == inspected_object(said)["flow_id"]);
    CHECK(record["app_proto"] == "tls");
    CHECK(record["flow"]["bytes_toclient"] == 20000);
    CHECK(record["portcullis"]["name"] == "a.example");
    CHECK(record["portcullis"]["verdict"] == "allow");
    CHECK(record["portcullis"]["inspect"] == "web");
    CHECK(record["portcullis"]["client_ip"] == "10.0.0.2");
    CHECK(record["portcullis"]["client_port"] == 40000);
    CHECK_FALSE(record["portcullis"].contains("inspect_rule"));
}

TEST_CASE("an event is one line for people") {
    const Json event = Json::parse(R"({"timestamp":"2026-11-22T22:41:03.120456+0000",
        "src_ip":"2001:db8::1","src_port":40312,"dest_ip":"192.0.2.1","dest_port":443,
        "proto":"TCP","app_proto":"tls","tls":{"sni":"ads.example"},
        "portcullis":{"verdict":"deny","reason":"rule no-ads","inspect":"web",
                      "inspect_rule":"no-ads"}})");
    CHECK(shell::judged_line(event) == "22:41:03.120 deny ads.example tls [2001:db8::1]:40312 > "
                                       "192.0.2.1:443 web rule no-ads (rule no-ads)");
    CHECK(shell::judged_line(Json()) == " ? - ? ?:0 > ?:0");
}
