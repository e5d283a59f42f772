// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/classifier.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>

#include "tests/bench/measure.h"

// clang-format off
#include "bench_classify.skel.h"

// clang-format on

namespace pc::bench {
namespace {

Error failure(const std::string& what) {
    const int err = errno;
    return {err, what + ": " + std::strerror(err)};
}

// Large enough for a million prefixes of each family.
constexpr uint64_t seed = 0x5eed;
constexpr size_t arena_size = size_t{1} << 28;

auto at_priority(std::vector<Rule>& rules, uint32_t priority) {
    return std::lower_bound(
        rules.begin(), rules.end(), priority,
        [](const Rule& rule, uint32_t number) { return rule.priority < number; });
}

} // namespace

void Classifier::Deleter::operator()(bench_classify* skeleton) const {
    bench_classify__destroy(skeleton);
}

Result<Classifier> Classifier::open(Family family) {
    Classifier classifier;
    classifier.skeleton_.reset(bench_classify__open());
    if (!classifier.skeleton_) {
        return failure("open the classifier's program");
    }
    bench_classify& skeleton = *classifier.skeleton_;
    skeleton.rodata->trace_family = static_cast<uint32_t>(family);
    if (bpf_map__set_value_size(skeleton.maps.classifier, arena_size + PC_ARENA_SLACK) != 0) {
        return failure("size the classifier's memory");
    }
    skeleton.rodata->pc_arena_mask = arena_size - 1;
    // The kernel would allocate all of it, and nothing here makes flows.
    (void)bpf_map__set_max_entries(skeleton.maps.flows, 16); // ignoring: fails on loaded ones only
    if (bench_classify__load(&skeleton) != 0) {
        return failure("load the classifier's program");
    }
    const auto memory = [&](const bpf_map* map, size_t size) {
        return mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
    };
    void* arena = memory(skeleton.maps.classifier, arena_size);
    void* heads = memory(skeleton.maps.generations, 4096);
    if (arena == MAP_FAILED || heads == MAP_FAILED) {
        return failure("map the classifier's memory");
    }
    classifier.arena_ = std::span(static_cast<std::byte*>(arena), arena_size);
    classifier.head_ = static_cast<pc_generation*>(heads);
    return classifier;
}

Result<LoadTimes> Classifier::load(const RuleSet& rules) {
    LoadTimes times;
    const Stopwatch compiling;
    Plan plan = TRY(compile(rules, {}, {}));
    std::unique_ptr<pc::Classifier> image = TRY(pc::Classifier::build(plan, {}, seed));
    times.compile_s = compiling.seconds();
    const Stopwatch storing;
    TRY(image->move_to(arena_, 0));
    *head_ = plan.generation;
    image->describe(*head_);
    image->bind(*head_);
    times.store_s = storing.seconds();
    image_ = std::move(image);
    plan_ = std::move(plan);
    rules_ = rules;
    return times;
}

Result<double> Classifier::insert(const Rule& rule) {
    rules_.rules.insert(at_priority(rules_.rules, rule.priority), rule);
    return edit();
}

Result<double> Classifier::remove(const Rule& rule) {
    const auto at = at_priority(rules_.rules, rule.priority);
    if (at == rules_.rules.end() || at->priority != rule.priority) {
        return Error{ENOENT, "remove rule " + rule.name + ": it is not there"};
    }
    rules_.rules.erase(at);
    return edit();
}

// The whole plan is compiled, as the daemon does for a commit, and the clock runs for what it does
// then to the rules that packets see.
Result<double> Classifier::edit() {
    Plan plan = TRY(compile(rules_, {}, rule_ids(*plan_)));
    const Stopwatch watch;
    TRY(image_->update(plan));
    const double seconds = watch.seconds();
    image_->settle(); // no packets are at hand
    plan_ = std::move(plan);
    return seconds;
}

uint64_t Classifier::bytes() const {
    return image_->used();
}

int Classifier::program(const char* name) const {
    return bpf_program__fd(bpf_object__find_program_by_name(skeleton_->obj, name));
}

void Classifier::set_trace(const Trace& trace) {
    std::copy(trace.headers.begin(), trace.headers.end(), skeleton_->bss->trace);
    std::copy(trace.headers6.begin(), trace.headers6.end(), skeleton_->bss->trace6);
    skeleton_->bss->trace_mask = static_cast<uint32_t>(trace.size() - 1);
    skeleton_->bss->next_header = 0;
    skeleton_->bss->matched = 0;
}

Result<std::vector<uint32_t>> Classifier::answers(size_t count) {
    skeleton_->bss->next_header = 0;
    (void)TRY(time_run(program("bench_answer"), static_cast<uint32_t>(count)));
    const uint32_t* first = skeleton_->bss->answers;
    std::vector<uint32_t> positions;
    for (size_t i = 0; i < count; i++) {
        const auto& rules = image_->rules();
        const auto rule = std::partition_point(rules.begin(), rules.end(), [&](const auto& placed) {
            return placed->priority < first[i];
        });
        positions.push_back(
            first[i] == PC_PRIORITY_NONE ? no_rule : static_cast<uint32_t>(rule - rules.begin()));
    }
    return positions;
}

uint64_t Classifier::matched() const {
    return skeleton_->bss->matched;
}

} // namespace pc::bench
