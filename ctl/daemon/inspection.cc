// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/inspection.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>

#include "ctl/kern/fd.h"
#include "ctl/kern/inspect_netns.h"

namespace pc::daemon {
namespace {

using protocol::Json;

constexpr uint32_t mtu_least = 1500;
constexpr uint32_t mtu_most = 65535;

} // namespace

Result<InspectorWiring> set_up_inspection(Datapath& datapath, const std::string& netns,
                                          const std::vector<Link>& links, uint32_t bypass_mark) {
    uint32_t mtu = mtu_least;
    for (const Link& link : links) {
        if (link.name != "lo" && link.mtu <= mtu_most) {
            mtu = std::max(mtu, link.mtu);
        }
    }
    InspectNetnsNames names;
    names.file = netns;
    const InspectNetns made = TRY(set_up_inspect_netns(names, mtu));
    const Fd fd(open(netns.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) {
        const int err = errno;
        return Error{err, "open " + netns + ": " + std::strerror(err)};
    }
    TRY(datapath.attach_replies(made.host_ifindex));
    TRY(datapath.attach_socket_lookup(fd.get()));
    return InspectorWiring{bypass_mark, made.host_ifindex, made.inner_mac};
}

Json inspect_object(const RuleSet& rules, const Plan& plan, uint64_t revision,
                    uint32_t bypass_mark) {
    Json inspects = Json::object();
    for (const PlanInspect& planned : plan.inspects) {
        for (const Inspect& inspect : rules.inspects) {
            if (inspect.name == planned.name) {
                inspects[std::to_string(planned.id)] = {
                    {"name", inspect.name},
                    {"on_down", inspect.down_drops ? "drop" : "pass"},
                    {"allow", inspect.allow},
                    {"deny", inspect.deny},
                    {"max_flows", inspect.max_flows}};
            }
        }
    }
    Json names = Json::object();
    for (const PlanRule& rule : plan.rules) {
        names[std::to_string(rule.id)] = rule.name;
    }
    return {{"revision", revision},
            {"bypass_mark", bypass_mark},
            {"inspects", std::move(inspects)},
            {"rules", std::move(names)}};
}

} // namespace pc::daemon
