// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/methods.h"

#include <array>
#include <cerrno>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "ctl/daemon/inspection.h"
#include "ctl/protocol/pace.h"

namespace pc::daemon {
namespace {

using protocol::Json;
using Function = methods::Answer (*)(const Context&, const Json&);

constexpr std::array<std::pair<std::string_view, Function>, 24> table{{
    {"GetStatus", methods::get_status},
    {"GetInterfaces", methods::get_interfaces},
    {"GetRules", methods::get_rules},
    {"GetRule", methods::get_rule},
    {"GetSets", methods::get_sets},
    {"GetSet", methods::get_set},
    {"GetDrops", methods::get_drops},
    {"GetInspect", methods::get_inspect},
    {"ShowFlows", methods::show_flows},
    {"ShowFlow", methods::show_flow},
    {"ClearFlows", methods::clear_flows},
    {"Top", methods::top},
    {"ShowLimits", methods::show_limits},
    {"ShowGuard", methods::show_guard},
    {"GetConfig", methods::get_config},
    {"GetRevisions", methods::get_revisions},
    {"Check", methods::check},
    {"Commit", methods::commit},
    {"Rollback", methods::rollback},
    {"Block", methods::block},
    {"Unblock", methods::unblock},
    {"ClearSet", methods::clear_set},
    {"Explain", methods::explain},
    {"Audit", methods::audit},
}};

std::string_view error_name(int err) {
    switch (err) {
    case EINVAL:
    case ENOENT:
        return "Usage";
    case EPERM:
        return "Refused";
    case methods::err_config:
        return "Config";
    default:
        return "Failed";
    }
}

} // namespace

Progress progress_to(std::function<void(const Json&)> tell) {
    if (!tell) {
        return {};
    }
    protocol::Pace pace(protocol::Pace::Clock::now());
    return [tell = std::move(tell), pace](Phase phase, size_t done, size_t total) mutable {
        if (pace.lets_pass(phase, total, protocol::Pace::Clock::now())) {
            tell({{"phase", std::string(to_string(phase))}, {"done", done}, {"total", total}});
        }
    };
}

Json call_method(const Context& context, const protocol::Request& request) {
    for (const auto& [name, function] : table) {
        if (name == request.method) {
            const auto answer = function(context, request.parameters);
            if (!answer) {
                return protocol::make_error(error_name(answer.error().err), answer.error().message);
            }
            return Json{{"parameters", answer.value()}};
        }
    }
    return protocol::make_error("Usage", "there is no method '" + request.method + "'");
}

InspectorConfig inspector_config(const Context& context) {
    const Firewall& firewall = context.firewall;
    const Running& running = firewall.running();
    const uint32_t mark = firewall.wiring().bypass_mark;
    const Plan& plan = running.plan ? *running.plan : Plan{};
    NameFiles files = name_files(running.rules, plan);
    const ZonesOnLinks zones = zones_on_links(plan, firewall.links(), {}, firewall.wiring().veth);
    Json object = inspect_object(plan, files, zones.tables, running.revision.number,
                                 mark != 0 ? mark : bypass_mark_default);
    return {std::move(object), std::move(files)};
}

HitClock hit_clock(const Firewall& firewall) {
    const DynamicClock clock = firewall.clock();
    return {clock.now, clock.jiffies, clock.jiffies_per_second};
}

void add_count(Json& object, const Count& count, const HitClock& clock) {
    object["packets"] = count.packets;
    object["bytes"] = count.bytes;
    const auto age = count.packets > 0 ? clock.age(count.last_jiffies) : std::nullopt;
    object["last_hit"] = nullptr;
    object["last_hit_s"] = nullptr;
    if (age) {
        object["last_hit"] = utc_time(clock.now - static_cast<int64_t>(std::llround(*age)));
        object["last_hit_s"] = *age;
    }
}

} // namespace pc::daemon
