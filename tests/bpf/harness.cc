// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bpf/harness.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <catch2/catch.hpp>

#include "portcullis.skel.h"
#include "rules/classifier.h"
#include "rules/parse.h"
#include "tests/bpf/routes.h"

namespace pc::test {

namespace {

constexpr uint32_t arena_size = 64 << 20;
constexpr uint32_t flow_buckets = flow_buckets_for(PC_FLOWS_MIN);
constexpr pc_limit_set no_buckets{};
constexpr uint32_t flow_places = flow_entries_for(flow_buckets);

const std::vector<std::string> interfaces{"wan0", "lan0", "dmz0", "dmz1"};

bool is_required() {
    const char* required = std::getenv("PC_REQUIRE");
    return required != nullptr && std::string_view(required).find("bpf") != std::string_view::npos;
}

std::string obstacle() {
    if (geteuid() != 0) {
        return "needs root (CAP_BPF and CAP_NET_ADMIN)";
    }
    const int fd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "probe", 8, 8, 1, nullptr);
    const int reason = errno;
    if (fd >= 0) {
        (void)close(fd); // ignoring: it was only a question
    }
    return fd >= 0 || reason == EINVAL ? "" : std::string("bpf(2): ") + std::strerror(reason);
}

struct Skip : Catch::TestEventListenerBase {
    using TestEventListenerBase::TestEventListenerBase;

    void testRunStarting(const Catch::TestRunInfo& /*run*/) override {
        const std::string reason = obstacle();
        if (reason.empty()) {
            return;
        }
        std::printf("%s: %s\n", is_required() ? "failed" : "skipped", reason.c_str());
        std::exit(is_required() ? 1 : 77);
    }
};

CATCH_REGISTER_LISTENER(Skip)

std::string last_line(const char* text) {
    std::string line(text);
    const size_t at = line.rfind("processed ");
    return at == line.npos ? line : line.substr(at, line.find('\n', at) - at);
}

void set_sysctl(const std::string& path, const char* value) {
    std::ofstream(path) << value;
}

// For good: tests attach nothing outside of this process.
void enter_own_network() {
    REQUIRE(unshare(CLONE_NEWNET) == 0);
    std::ostringstream commands;
    for (const std::string& name : interfaces) {
        commands << "link add " << name << " type veth peer name p" << name << "\n";
        for (const std::string& end : {name, "p" + name}) {
            // No link-local address, so no route to fe80::/64.
            commands << "link set " << end << " addrgenmode none\nlink set " << end << " up\n";
        }
    }
    commands << "address add 10.1.0.1/32 dev lan0\naddress add 2001:db8:1::1/128 dev lan0 nodad\n";
    for (const Route& route : routes) {
        if (*route.interface != '\0') {
            commands << "route add " << route.prefix << " dev " << route.interface << "\n";
        } else if (route.unreachable) {
            commands << "route add unreachable " << route.prefix << "\n";
        }
    }
    FILE* ip = popen("PATH=/usr/sbin:/sbin:$PATH ip -batch -", "w");
    REQUIRE(ip != nullptr);
    REQUIRE(std::fputs(commands.str().c_str(), ip) >= 0);
    REQUIRE(pclose(ip) == 0);
    for (const std::string& name : interfaces) {
        set_sysctl("/proc/sys/net/ipv4/conf/" + name + "/forwarding", "1");
        set_sysctl("/proc/sys/net/ipv6/conf/" + name + "/forwarding", "1");
    }
}

template <typename T>
std::vector<T> per_cpu_sum(int fd, uint32_t entries) {
    const auto cpus = static_cast<size_t>(libbpf_num_possible_cpus());
    std::vector<T> values(cpus * entries);
    std::vector<uint32_t> keys(entries);
    uint32_t next = 0;
    uint32_t count = entries;
    if (bpf_map_lookup_batch(fd, nullptr, &next, keys.data(), values.data(), &count, nullptr) !=
        0) {
        REQUIRE(errno == ENOENT); // the end of the map
    }
    std::vector<T> sums(entries);
    for (size_t i = 0; i < count; i++) {
        for (size_t cpu = 0; cpu < cpus; cpu++) {
            const T& value = values[i * cpus + cpu];
            T& sum = sums[keys[i]];
            const auto* from = reinterpret_cast<const uint64_t*>(&value);
            auto* to = reinterpret_cast<uint64_t*>(&sum);
            for (size_t word = 0; word < sizeof(T) / sizeof(uint64_t); word++) {
                to[word] += from[word];
            }
        }
    }
    return sums;
}

int keep_event(void* events, void* record, size_t size) {
    pc_event event{};
    std::memcpy(&event, record, std::min(size, sizeof(event)));
    static_cast<std::vector<pc_event>*>(events)->push_back(event);
    return 0;
}

int no_log(libbpf_print_level /*level*/, const char* /*format*/, va_list /*arguments*/) {
    return 0;
}

void note_ways(const FlowMemory& flows) {
    for (pc_flow_entry& entry : flows.entries.first(flows.free->fresh)) {
        if ((entry.flags & PC_FLOW_LIVE) != 0 && entry.answer_zone == 0) {
            entry.answer_zone = PC_WHERE_ZONE(entry.where) == 1 ? 2 : 1;
        }
    }
}

} // namespace

struct Harness::State {
    portcullis_bpf* skeleton = nullptr;
    std::string verifier;
    std::map<std::string, uint32_t> ifindexes;
    std::optional<Plan> slots[PC_GENERATIONS];
    uint32_t active = 0;
    // Both generations' images, one in each half of the arena.
    std::unique_ptr<Classifier> classifiers[PC_GENERATIONS];
    std::span<std::byte> arena;
    pc_generation* heads = nullptr;
    FlowMemory flows;
    pc_flow_globals* globals = nullptr;
    uint32_t judgement = 0;
    std::vector<TimedRange> blocks;
    std::vector<pc_counter> rule_counters, reasons;
    ring_buffer* ring = nullptr;
    std::vector<pc_event> events;

    [[nodiscard]] int fd(const char* name) const {
        const int fd = bpf_object__find_map_fd_by_name(skeleton->obj, name);
        REQUIRE(fd >= 0);
        return fd;
    }

    void put(const char* map, uint32_t index, const void* value) const {
        REQUIRE(bpf_map_update_elem(fd(map), &index, value, BPF_ANY) == 0);
    }

    void load_program();
    void map_memory();
    void put_image(uint32_t slot, const Plan& plan);
    void put_interfaces(uint32_t slot, const Plan& plan) const;
    void put_control() const;
    void collect(Outcome& outcome);
};

void Harness::State::load_program() {
    libbpf_set_print(no_log);
    skeleton = portcullis_bpf__open();
    REQUIRE(skeleton != nullptr);
    std::string log(16384, '\0');
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, skeleton->obj) {
        const bool filter = std::string_view(bpf_program__name(program)) == "pc_filter";
        (void)bpf_program__set_autoload(program, filter); // ignoring: fails on loaded ones only
        if (filter) {
            (void)bpf_program__set_log_buf(program, log.data(), log.size());
            (void)bpf_program__set_log_level(program, 4);
        }
    }
    REQUIRE(bpf_map__set_value_size(skeleton->maps.classifier, arena_size + PC_ARENA_SLACK) == 0);
    skeleton->rodata->pc_arena_mask = arena_size - 1;
    (void)bpf_map__set_max_entries(skeleton->maps.flows, 16);
    REQUIRE(bpf_map__set_max_entries(skeleton->maps.flow_buckets, flow_buckets) == 0);
    REQUIRE(bpf_map__set_max_entries(skeleton->maps.flow_entries, flow_places) == 0);
    skeleton->rodata->pc_flow_buckets = flow_buckets;
    const int error = portcullis_bpf__load(skeleton);
    verifier = last_line(log.c_str());
    REQUIRE(error == 0);
    map_memory();
    ring = ring_buffer__new(fd("events"), keep_event, &events, nullptr);
    REQUIRE(ring != nullptr);
}

void Harness::State::map_memory() {
    const auto map = [&](const char* name, size_t size) {
        void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd(name), 0);
        REQUIRE(memory != MAP_FAILED);
        return std::span(static_cast<std::byte*>(memory), size);
    };
    arena = map("classifier", arena_size);
    heads = reinterpret_cast<pc_generation*>(map("generations", 4096).data());
    flows = flow_memory(map("flow_buckets", flow_buckets * sizeof(pc_flow_bucket)),
                        map("flow_entries", flow_places * sizeof(pc_flow_entry)),
                        map("flow_free", sizeof(pc_flow_free)))
                .take();
    globals = reinterpret_cast<pc_flow_globals*>(map("flow_globals", 64).data());
    globals->seed = 0x5eed;
}

void Harness::State::put_image(uint32_t slot, const Plan& plan) {
    Result<std::unique_ptr<Classifier>> built = Classifier::build(plan, blocks, 0x5eed + slot);
    REQUIRE(built.ok());
    const size_t base = slot * arena_size / 2;
    classifiers[slot] = built.take();
    REQUIRE(classifiers[slot]
                ->move_to(arena.subspan(base, arena_size / 2), static_cast<uint32_t>(base))
                .ok());
    heads[slot] = plan.generation;
    heads[slot].flows.judgement = ++judgement;
    for (size_t i = 1; i < plan.limits.size(); i++) {
        put("limits", static_cast<uint32_t>(slot * PC_LIMITS_MAX + i), &plan.limits[i]);
    }
    classifiers[slot]->describe(heads[slot]);
    classifiers[slot]->bind(heads[slot]);
}

void Harness::State::put_interfaces(uint32_t slot, const Plan& plan) const {
    for (size_t i = 0; i < interfaces.size(); i++) {
        pc_iface iface{.zone = 0, .vlan_table = 0, .slot = static_cast<uint16_t>(i + 1)};
        pc_vlan_zones by_vlan{};
        for (const PlanZone& zone : plan.zones) {
            if (std::find(zone.interfaces.begin(), zone.interfaces.end(), interfaces[i]) ==
                zone.interfaces.end()) {
                continue;
            }
            if (zone.vlans.empty()) {
                iface.zone = zone.id;
                continue;
            }
            for (const uint32_t vlan : zone.vlans) {
                by_vlan.zone[vlan] = zone.id;
            }
            iface.vlan_table = static_cast<uint8_t>(i + 1);
        }
        if (iface.vlan_table != 0) {
            put("vlan_zones", slot * PC_VLAN_TABLES_MAX + iface.vlan_table, &by_vlan);
        }
        put("ifaces", slot * PC_IFINDEX_MAX + ifindexes.at(interfaces[i]), &iface);
    }
}

void Harness::State::put_control() const {
    pc_control control{};
    control.abi_version = PC_ABI_VERSION;
    control.active = active;
    put("control", 0, &control);
}

void Harness::State::collect(Outcome& outcome) {
    uint32_t ids = 1;
    for (const PlanRule& rule : slots[active]->rules) {
        ids = std::max(ids, rule.id + 1);
    }
    const auto counts = per_cpu_sum<pc_counter>(fd("rule_counters"), ids);
    for (const PlanRule& rule : slots[active]->rules) {
        const uint64_t packets = counts[rule.id].packets - rule_counters[rule.id].packets;
        if (packets != 0) {
            outcome.rules[rule.name] = packets;
        }
    }
    std::copy(counts.begin(), counts.end(), rule_counters.begin());
    const auto now = per_cpu_sum<pc_counter>(fd("reasons"), PC_REASON_END);
    for (uint32_t reason = 0; reason < PC_REASON_END; reason++) {
        if (now[reason].packets != reasons[reason].packets) {
            outcome.reasons[reason] = now[reason].packets - reasons[reason].packets;
        }
    }
    reasons = now;
    (void)ring_buffer__consume(ring); // ignoring: the number of events
    outcome.events = std::move(events);
    events.clear();
}

Harness::Harness() : state_(std::make_unique<State>()) {
    enter_own_network();
    for (const std::string& name : interfaces) {
        state_->ifindexes[name] = if_nametoindex(name.c_str());
    }
    state_->load_program();
    state_->rule_counters.resize(PC_RULE_IDS_MAX);
    state_->reasons.resize(PC_REASON_END);
}

Harness::~Harness() {
    ring_buffer__free(state_->ring);
    portcullis_bpf__destroy(state_->skeleton);
}

Harness& Harness::get() {
    static Harness harness;
    return harness;
}

void Harness::load(const RuleSet& rules, const Environment& environment) {
    State& state = *state_;
    const std::optional<Plan>& running = state.slots[state.active];
    Result<Plan> plan = compile(rules, environment, running ? rule_ids(*running) : RuleIds{});
    INFO((plan.ok() ? "" : plan.error().message));
    REQUIRE(plan.ok());
    const uint32_t slot = 1 - state.active;
    state.put_image(slot, plan.value());
    state.put_interfaces(slot, plan.value());
    state.slots[slot] = plan.take();
    state.active = slot;
    state.put_control();
}

bool Harness::edit(const RuleSet& rules, const Environment& environment) {
    State& state = *state_;
    std::optional<Plan>& running = state.slots[state.active];
    Result<Plan> plan = compile(rules, environment, rule_ids(this->plan()));
    REQUIRE(plan.ok());
    const auto edited = state.classifiers[state.active]->update(plan.value());
    if (!edited) {
        REQUIRE((edited.error().err == EXDEV || edited.error().err == ENOSPC));
        load(rules, environment);
        return false;
    }
    running = plan.take();
    state.heads[state.active].flows.judgement = ++state.judgement;
    return true;
}

void Harness::settle() {
    state_->classifiers[state_->active]->settle();
}

void Harness::load(std::string_view toml, const Environment& environment) {
    const ReadFiles none = [](std::string_view,
                              std::string_view) -> Result<std::vector<SourceFile>> {
        return Error{ENOENT, "no files here"};
    };
    const Parsed parsed = parse({.path = "rules.toml", .text = std::string(toml)}, none);
    INFO(render(parsed.diagnostics, parsed.rules.files, ""));
    REQUIRE_FALSE(parsed.diagnostics.has_errors());
    load(parsed.rules, environment);
}

Outcome Harness::run(const Frame& frame, const std::string& interface, bool forwarded) {
    State& state = *state_;
    Outcome outcome;
    outcome.frame.resize(frame.size() + 512);
    xdp_md context{}, after{};
    context.data_end = static_cast<uint32_t>(frame.size());
    context.ingress_ifindex = state.ifindexes.at(interface);
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(),
                .data_out = outcome.frame.data(),
                .data_size_in = static_cast<uint32_t>(frame.size()),
                .data_size_out = static_cast<uint32_t>(outcome.frame.size()), .ctx_in = &context,
                .ctx_out = &after, .ctx_size_in = sizeof(context), .ctx_size_out = sizeof(after),
                .repeat = 1);
    const int error =
        bpf_prog_test_run_opts(bpf_program__fd(state.skeleton->progs.pc_filter), &options);
    INFO("test run of " << frame.size() << " bytes: " << std::strerror(-error));
    REQUIRE(error == 0);
    outcome.action = options.retval;
    outcome.frame.resize(options.data_size_out);
    if (after.data - after.data_meta == sizeof(pc_meta)) {
        pc_meta meta{};
        std::memcpy(&meta, outcome.frame.data(), sizeof(meta));
        outcome.meta = meta;
    }
    outcome.frame.erase(outcome.frame.begin(),
                        outcome.frame.begin() + (after.data - after.data_meta));
    state.collect(outcome);
    if (forwarded && outcome.action == XDP_PASS) {
        note_ways(state.flows);
    }
    return outcome;
}

void Harness::block(const Prefix& prefix, uint64_t deadline_jiffies) {
    State& state = *state_;
    AddressList list;
    append(list, range_of(prefix));
    const bool v4 = prefix.address.family == Family::v4;
    TimedRange entry;
    entry.family = prefix.address.family;
    entry.range = v4 ? list.v4.front() : list.v6.front();
    entry.deadline = deadline_jiffies == 0 ? UINT64_MAX : deadline_jiffies;
    entry.hits = static_cast<uint32_t>(state.blocks.size() + 1);
    state.blocks.push_back(entry);
    REQUIRE(state.classifiers[state.active]
                ->update_dynamic(entry.family, entry.range, state.blocks)
                .ok());
}

void Harness::unblock_all() {
    for (const TimedRange& entry : std::exchange(state_->blocks, {})) {
        REQUIRE(state_->classifiers[state_->active]
                    ->update_dynamic(entry.family, entry.range, {})
                    .ok());
    }
}

uint64_t Harness::block_hits(uint32_t index) const {
    uint64_t hits = 0;
    REQUIRE(bpf_map_lookup_elem(map_fd("block_hits"), &index, &hits) == 0);
    return hits;
}

pc_iface_counter Harness::interface_counter(const std::string& interface) const {
    const auto at = std::find(interfaces.begin(), interfaces.end(), interface);
    REQUIRE(at != interfaces.end());
    const auto slot = static_cast<size_t>(at - interfaces.begin()) + 1;
    return per_cpu_sum<pc_iface_counter>(map_fd("iface_counters"),
                                         static_cast<uint32_t>(slot + 1))[slot];
}

const FlowMemory& Harness::flows() const {
    return state_->flows;
}

pc_flow_globals& Harness::flow_globals() const {
    return *state_->globals;
}

void Harness::forget_flows() {
    State& state = *state_;
    std::fill(state.flows.buckets.begin(), state.flows.buckets.end(), pc_flow_bucket{});
    std::fill(state.flows.entries.begin(), state.flows.entries.end(), pc_flow_entry{});
    *state.flows.free = pc_flow_free{};
    *state.globals = pc_flow_globals{.seed = 0x5eed};
    constexpr __u64 none = 0;
    for (uint32_t i = 0; i < PC_FLOW_SOURCES; i++) {
        state.put("flow_sources", i, &none);
    }
    for (uint32_t i = 0; i < PC_LIMIT_SETS; i++) {
        state.put("limit_sets", i, &no_buckets);
    }
}

const Plan& Harness::plan() const {
    REQUIRE(state_->slots[state_->active].has_value());
    return *state_->slots[state_->active];
}

uint32_t Harness::ifindex(const std::string& interface) const {
    return state_->ifindexes.at(interface);
}

int Harness::map_fd(const std::string& name) const {
    return state_->fd(name.c_str());
}

const std::string& Harness::verifier() const {
    return state_->verifier;
}

} // namespace pc::test
