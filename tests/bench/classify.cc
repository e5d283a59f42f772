// SPDX-License-Identifier: GPL-3.0-or-later
// What tests/bench/run classify measures without packets, one command a process; each prints JSON.
//
// look-up RULES ROUNDS SECONDS TRACE...: the classifier under BPF_PROG_TEST_RUN
// trie RULES ROUNDS SECONDS TRACE...: an LPM trie with the rules' first set, likewise
// update RULES COUNT: removes COUNT rules and puts them back, each timed
// file RULES.toml: a rule file and its set files into maps
// search RULES TRACE COUNT: for each header the rule that a linear search finds
// order RULES: see order.h
// attach-trie RULES IFINDEX: the trie as an XDP program
// fill-xdp-filter RULES PIN: see tries.h
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <span>

#include <malloc.h>

#include "ctl/files/files.h"
#include "tests/bench/classifier.h"
#include "tests/bench/measure.h"
#include "tests/bench/order.h"
#include "tests/bench/tries.h"

namespace pc::bench {
namespace {

using nlohmann::json;
using Words = std::span<char* const>;

// A linear search over 100,000 rules takes its time.
constexpr size_t checked_max = 4096;
constexpr size_t checks_max = 200'000'000;

Effort effort_of(Words words) {
    return {.rounds = std::atoi(words[1]), .seconds = std::atof(words[2])};
}

// What the classifier answers for some headers, beside what is right.
Result<json> check(Classifier& classifier, const Rules& rules, const Trace& trace) {
    const size_t affordable = checks_max / std::max<size_t>(1, rules.boxes.size());
    const size_t count = std::min({trace.size(), checked_max, affordable});
    const auto right = search(rules, trace, count);
    const auto answers = TRY(classifier.answers(count));
    size_t wrong = 0;
    size_t none = 0;
    for (size_t i = 0; i < count; i++) {
        wrong += right[i] != answers[i] ? 1 : 0;
        none += right[i] == no_rule ? 1 : 0;
    }
    return json{{"checked", count}, {"wrong", wrong}, {"no_rule", none}};
}

Result<json> look_up(Words words) {
    const Rules rules = TRY(read_rules(words[0]));
    Classifier classifier = TRY(Classifier::open(rules.family));
    const LoadTimes times = TRY(classifier.load(rule_set_of(rules)));
    json result{{"compile_s", times.compile_s},
                {"store_s", times.store_s},
                {"bytes", classifier.bytes()},
                {"traces", json::object()}};
    for (const char* path : words.subspan(3)) {
        const Trace trace = TRY(read_trace(path));
        classifier.set_trace(trace);
        json figures =
            TRY(time_above(classifier.program("bench_fill"), classifier.program("bench_look_up"),
                           trace.size(), effort_of(words)));
        figures.update(TRY(check(classifier, rules, trace)));
        result["traces"][path] = figures;
    }
    return result;
}

Result<json> trie(Words words) {
    const Rules rules = TRY(read_rules(words[0]));
    if (rules.sets.empty()) {
        return Error{EINVAL, std::string(words[0]) + ": no set of prefixes"};
    }
    Trie trie = TRY(Trie::open(rules.family));
    const Stopwatch watch;
    TRY(trie.fill(rules.sets[0]));
    json result{{"store_s", watch.seconds()}, {"bytes", trie.bytes()}, {"traces", json::object()}};
    for (const char* path : words.subspan(3)) {
        const Trace trace = TRY(read_trace(path));
        trie.set_trace(trace);
        result["traces"][path] =
            TRY(time_above(trie.program("trie_fill"), trie.program("trie_look_up"), trace.size(),
                           effort_of(words)));
    }
    return result;
}

Result<json> update(Words words) {
    const Rules rules = TRY(read_rules(words[0]));
    std::vector<size_t> moved(rules.boxes.size());
    for (size_t i = 0; i < moved.size(); i++) {
        moved[i] = i;
    }
    std::shuffle(moved.begin(), moved.end(), std::mt19937_64(1)); // NOLINT: the same each time
    moved.resize(std::min<size_t>(moved.size(), static_cast<size_t>(std::atoi(words[1]))));
    Classifier classifier = TRY(Classifier::open(rules.family));
    (void)TRY(classifier.load(rule_set_of(rules)));
    std::vector<double> removing_us;
    std::vector<double> inserting_us;
    for (const size_t i : moved) {
        const Rule rule = rule_of(rules, i);
        removing_us.push_back(TRY(classifier.remove(rule)) * 1e6);
    }
    for (const size_t i : moved) {
        const Rule rule = rule_of(rules, i);
        inserting_us.push_back(TRY(classifier.insert(rule)) * 1e6);
    }
    return json{{"insert_us", percentiles(inserting_us)}, {"delete_us", percentiles(removing_us)}};
}

Result<json> file(Words words) {
    const Stopwatch reading;
    SourceFile main = TRY(files::read_file(words[0]));
    const Parsed parsed = parse(std::move(main), files::reader());
    const double read_s = reading.seconds();
    if (parsed.diagnostics.has_errors()) {
        return Error{EINVAL, render(parsed.diagnostics, parsed.rules.files, "")};
    }
    const bool v6 = !parsed.rules.sets.empty() && !parsed.rules.sets[0].file_addresses.empty() &&
                    parsed.rules.sets[0].file_addresses[0].first.family == Family::v6;
    Classifier classifier = TRY(Classifier::open(v6 ? Family::v6 : Family::v4));
    const LoadTimes times = TRY(classifier.load(parsed.rules));
    return json{{"parse_s", read_s},
                {"compile_s", times.compile_s},
                {"store_s", times.store_s},
                {"bytes", classifier.bytes()}};
}

Result<json> search_all(Words words) {
    const Rules rules = TRY(read_rules(words[0]));
    const Trace trace = TRY(read_trace(words[1]));
    return json{{"rules", search(rules, trace, static_cast<size_t>(std::atoi(words[2])))}};
}

Result<json> order_of(Words words) {
    return json{{"maps", order(TRY(read_rules(words[0])))}};
}

Result<json> attach_trie(Words words) {
    const Rules rules = TRY(read_rules(words[0]));
    Trie trie = TRY(Trie::open(rules.family));
    TRY(trie.fill(rules.sets.at(0)));
    TRY(trie.attach(std::atoi(words[1])));
    return json{{"bytes", trie.bytes()}};
}

Result<json> xdp_filter(Words words) {
    const Rules rules = TRY(read_rules(words[0]));
    TRY(fill_xdp_filter(words[1], rules.sets.at(0)));
    return json::object();
}

struct Command {
    size_t words_min;
    Result<json> (*run)(Words);
};

const std::map<std::string, Command> commands{
    {"look-up", {3, look_up}},
    {"trie", {3, trie}},
    {"update", {2, update}},
    {"file", {1, file}},
    {"order", {1, order_of}},
    {"attach-trie", {2, attach_trie}},
    {"fill-xdp-filter", {2, xdp_filter}},
    {"search", {3, search_all}},
};

} // namespace

int run(int argc, char** argv) {
    const Words words(argv, static_cast<size_t>(argc));
    const auto command = argc < 2 ? commands.end() : commands.find(words[1]);
    if (command == commands.end() || words.size() - 2 < command->second.words_min) {
        std::fputs("usage: see tests/bench/classify.cc\n", stderr);
        return 2;
    }
    const Result<json> result = command->second.run(words.subspan(2));
    if (!result.ok()) {
        std::fprintf(stderr, "bench_classify: %s\n", result.error().message.c_str());
        return 1;
    }
    std::printf("%s\n", result.value().dump().c_str());
    return 0;
}

} // namespace pc::bench

int main(int argc, char** argv) {
    (void)mallopt(M_MXFAST, 0); // ignoring: as portcullisd does
    return pc::bench::run(argc, argv);
}
