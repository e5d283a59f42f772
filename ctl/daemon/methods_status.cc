// SPDX-License-Identifier: GPL-3.0-or-later
// show status, show interfaces, show drops, show inspect.
#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

#include "ctl/daemon/methods.h"
#include "ctl/daemon/upstreams.h"

namespace pc::daemon::methods {
namespace {

using protocol::Json;

constexpr std::array<const char*, PC_IF_VERDICTS> verdict_words{"accept", "drop", "reject",
                                                                "inspect"};

Json by_verdict(const __u64 (&values)[PC_IF_VERDICTS]) {
    Json object = Json::object();
    for (size_t i = 0; i < verdict_words.size(); ++i) {
        object[verdict_words[i]] = values[i];
    }
    return object;
}

template <typename T>
T value_of(const MapStore& map, uint32_t index) {
    T value{};
    const auto bytes = map.get(bytes_of(index));
    if (bytes && bytes.value().size() == sizeof(value)) {
        std::memcpy(&value, bytes.value().data(), sizeof(value));
    }
    return value;
}

struct InspectorState {
    std::array<bool, PC_LISTENERS> listeners{}; // of any worker
    std::optional<int64_t> heartbeat_age_ms;    // of the worker that is alive the least
    uint32_t workers = 0;
    uint32_t alive = 0;

    [[nodiscard]] const char* word() const {
        return alive == 0 ? "down" : alive < workers ? "degraded" : "up";
    }
};

int64_t monotonic_ns() {
    timespec now{};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); // ignoring: this clock always exists
    return int64_t{now.tv_sec} * 1000000000 + now.tv_nsec;
}

// The same questions that TC egress asks.
InspectorState inspector_state(const Datapath& datapath) {
    InspectorState state;
    const MapStore& hearts = datapath.map("heartbeat");
    const int64_t limit_ms = PC_HEARTBEAT_TIMEOUT_NS / 1000000;
    state.workers = std::min<uint32_t>(value_of<pc_heartbeat>(hearts, 0).workers, PC_WORKERS_MAX);
    for (uint32_t worker = 0; worker < state.workers; ++worker) {
        bool listens = false;
        for (uint32_t kind = 0; kind < PC_LISTENERS; ++kind) {
            const uint32_t place = worker * PC_LISTENERS + kind;
            const bool there = datapath.map("listeners").get(bytes_of(place)).ok();
            state.listeners[kind] |= there;
            listens |= there;
        }
        const auto heart = value_of<pc_heartbeat>(hearts, worker);
        const int64_t age_ms = (monotonic_ns() - static_cast<int64_t>(heart.beat_ns)) / 1000000;
        state.heartbeat_age_ms = std::max(state.heartbeat_age_ms.value_or(age_ms), age_ms);
        state.alive += listens && age_ms < limit_ms ? 1 : 0;
    }
    return state;
}

Result<Json> reasons(const Firewall& firewall) {
    Json list = Json::array();
    const HitClock clock = hit_clock(firewall);
    for (uint32_t reason = PC_REASON_NONE + 1; reason < PC_REASON_END; ++reason) {
        const Count count = TRY(read_counter(firewall.datapath().map("reasons"), reason));
        Json object{{"reason", std::string(reason_word(reason))}, {"drop", is_drop_reason(reason)}};
        add_count(object, count, clock);
        list.push_back(std::move(object));
    }
    return list;
}

Result<Json> total_packets(const Firewall& firewall) {
    pc_iface_counter sum{};
    for (uint32_t slot = 1; slot < PC_IFACE_SLOTS_MAX; ++slot) {
        const auto counter =
            TRY(read_interface_counter(firewall.datapath().map("iface_counters"), slot));
        for (size_t i = 0; i < PC_IF_VERDICTS; ++i) {
            sum.packets[i] += counter.packets[i];
        }
    }
    return by_verdict(sum.packets);
}

Json dynamic_sizes(const Firewall& firewall) {
    Json list = Json::array();
    for (const auto& [name, setting] : firewall.dynamic_sets().used()) {
        list.push_back({{"name", name}, {"entries", firewall.dynamic_sets().find(name)->size()}});
    }
    return list;
}

Json set_sizes(const Firewall& firewall) {
    size_t count = 0;
    size_t entries = 0;
    for (const Set& set : firewall.running().rules.sets) {
        count += set.dynamic ? 0 : 1;
        entries += set.addresses.size() + set.file_addresses.size() + set.numbers.size() +
                   set.file_numbers.size();
    }
    return {{"count", count}, {"entries", entries}};
}

Result<Json> interface_object(const Firewall& firewall, const InterfaceState& state,
                              const InterfaceSlots& slots) {
    std::string zones;
    for (const std::string& zone : state.wanted.zones) {
        zones += (zones.empty() ? "" : ",") + zone;
    }
    // What is attached is asked from the kernel: somebody may have removed it.
    const auto there = firewall.datapath().attachment(state.wanted.ifindex);
    const bool attached = there.ok() && there.value().has_value();
    std::string note = !state.problem.empty() ? state.problem
                       : state.attachment     ? state.attachment->note
                                              : "";
    if (!attached && state.attachment) {
        note = "somebody else removed the XDP program";
    }
    Json object{{"interface", state.wanted.name},
                {"ifindex", state.wanted.ifindex},
                {"zone", zones},
                {"hook", attached ? "xdp,tc" : "-"},
                {"mode", "-"},
                {"dispatcher", false},
                {"program_id", nullptr},
                {"attached", attached},
                {"note", note}};
    if (attached) {
        const Attachment& attachment = *there.value();
        object["mode"] = attachment.mode == XdpMode::generic ? "generic" : "native";
        object["dispatcher"] = attachment.dispatcher;
        object["program_id"] = attachment.program_id;
    }
    const auto slot = slots.find(state.wanted.ifindex);
    pc_iface_counter counter{};
    if (slot != slots.end()) {
        counter =
            TRY(read_interface_counter(firewall.datapath().map("iface_counters"), slot->second));
    }
    object["packets"] = by_verdict(counter.packets);
    object["bytes"] = by_verdict(counter.bytes);
    return object;
}

} // namespace

Answer get_status(const Context& context, const Parameters&) {
    const Firewall& firewall = context.firewall;
    const Revision& revision = firewall.running().revision;
    size_t attached = 0;
    bool dispatcher = false;
    for (const auto& [ifindex, state] : firewall.applier().interfaces()) {
        attached += state.attachment ? 1 : 0;
        dispatcher = dispatcher || (state.attachment && state.attachment->dispatcher);
    }
    const InspectorState inspector = inspector_state(firewall.datapath());
    const bool inspects = firewall.running().plan && !firewall.running().plan->inspects.empty();
    Json status{{"version", PC_VERSION},
                {"uptime_s", time(nullptr) - context.started},
                {"revision", revision.number},
                {"commit",
                 {{"time", revision.time},
                  {"who", revision.who},
                  {"via", revision.via},
                  {"comment", revision.comment}}},
                {"generation", TRY(firewall.applier().generations().active_number())},
                {"interfaces",
                 {{"attached", attached}, {"wanted", firewall.applier().interfaces().size()}}},
                {"packets", TRY(total_packets(firewall))},
                {"reasons", TRY(reasons(firewall))},
                {"blocks", firewall.dynamic_sets().find(std::string(blocks_set))->size()},
                {"dynamic", dynamic_sizes(firewall)},
                {"classifier", classifier_as_json(firewall)},
                {"sets", set_sizes(firewall)},
                {"config_path", firewall.options().config},
                {"kernel", firewall.features().kernel},
                {"dispatcher", dispatcher},
                {"dispatcher_note", firewall.features().extension_note},
                {"inspector",
                 {{"state", inspects ? inspector.word() : "off"}, {"heartbeat_age_ms", nullptr}}}};
    if (inspector.heartbeat_age_ms) {
        status["inspector"]["heartbeat_age_ms"] = *inspector.heartbeat_age_ms;
    }
    if (!firewall.config_error().empty()) {
        status["config_error"] = firewall.config_error();
    }
    return status;
}

Answer get_interfaces(const Context& context, const Parameters&) {
    const Firewall& firewall = context.firewall;
    const InterfaceSlots slots = TRY(firewall.applier().generations().slots_of({}));
    Json list = Json::array();
    for (const auto& [ifindex, state] : firewall.applier().interfaces()) {
        list.push_back(TRY(interface_object(firewall, state, slots)));
    }
    return Json{{"interfaces", std::move(list)}};
}

Answer get_drops(const Context& context, const Parameters&) {
    (void)context.drops.consume(); // ignoring: the event loop reports what cannot be written
    Json recent = Json::array();
    for (const Json& event : context.drops.recent()) {
        recent.push_back(event);
    }
    return Json{{"reasons", TRY(reasons(context.firewall))}, {"recent", std::move(recent)}};
}

Answer get_inspect(const Context& context, const Parameters&) {
    const Firewall& firewall = context.firewall;
    const Running& running = firewall.running();
    const InspectorState inspector = inspector_state(firewall.datapath());
    const auto servers = TRY(read_upstream_servers(firewall.datapath().map("insp_upstream")));
    Json list = Json::array();
    for (const PlanInspect& planned :
         running.plan ? running.plan->inspects : std::vector<PlanInspect>()) {
        const auto found =
            std::find_if(running.rules.inspects.begin(), running.rules.inspects.end(),
                         [&](const Inspect& inspect) { return inspect.name == planned.name; });
        const auto stats =
            value_of<pc_inspect_stats>(firewall.datapath().map("insp_stats"), planned.id);
        Json object{{"name", planned.name},
                    {"id", planned.id},
                    {"listener",
                     {{"tcp4", inspector.listeners[PC_LISTENER_TCP4]},
                      {"tcp6", inspector.listeners[PC_LISTENER_TCP6]},
                      {"udp4", inspector.listeners[PC_LISTENER_UDP4]},
                      {"udp6", inspector.listeners[PC_LISTENER_UDP6]}}},
                    {"workers", {{"of", inspector.workers}, {"alive", inspector.alive}}},
                    {"heartbeat_age_ms", nullptr},
                    {"state", inspector.word()},
                    {"flows", stats.flows},
                    {"active", stats.active},
                    {"allowed", stats.allowed},
                    {"denied", stats.denied},
                    {"upstream_failed", stats.upstream_failed},
                    {"bytes_to_server", stats.bytes_to_server},
                    {"bytes_to_client", stats.bytes_to_client},
                    {"datagrams_to_server", stats.datagrams_to_server},
                    {"datagrams_to_client", stats.datagrams_to_client},
                    {"datagrams_lost", stats.datagrams_lost},
                    {"overload", stats.overload}};
        if (inspector.heartbeat_age_ms) {
            object["heartbeat_age_ms"] = *inspector.heartbeat_age_ms;
        }
        if (found != running.rules.inspects.end()) {
            object["on_down"] = found->down_drops ? "drop" : "pass";
        }
        if (planned.policy.upstream) {
            object["upstream"] =
                upstream_state(*planned.policy.upstream, planned.id, servers,
                               inspector.alive == 0 ? InspectorWord::stale : InspectorWord::live,
                               static_cast<uint64_t>(monotonic_ns()));
        }
        list.push_back(std::move(object));
    }
    return Json{{"inspects", std::move(list)},
                {"veth", firewall.wiring().veth},
                {"netns", firewall.options().inspect_netns},
                {"bypass_mark", firewall.wiring().bypass_mark}};
}

} // namespace pc::daemon::methods
