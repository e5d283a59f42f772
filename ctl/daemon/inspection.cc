// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/inspection.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "ctl/daemon/revisions.h"
#include "ctl/daemon/upstreams.h"
#include "ctl/kern/fd.h"
#include "ctl/kern/inspect_netns.h"
#include "rules/words.h"

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

namespace {

template <typename Item>
void add_words(Json& object, const char* key, const std::vector<Item>& items) {
    for (const Item& item : items) {
        object[key].push_back(word_of(item));
    }
}

// Keys that the rule does not name are left out; `client` is what its lists and sets hold.
Json rule_object(const InspectRule& rule, const AddressList& clients) {
    Json object{{"action", std::string(to_string(rule.action))}};
    if (!rule.name.empty()) {
        object["name"] = rule.name;
    }
    add_words(object, "protocol", rule.protocol);
    add_words(object, "host", rule.host);
    add_words(object, "alpn", rule.alpn);
    add_words(object, "ja4", rule.ja4);
    add_words(object, "method", rule.method);
    add_words(object, "path", rule.path);
    add_words(object, "zone", rule.zone);
    add_words(object, "time", rule.time);
    if (rule.ech) {
        object["ech"] = *rule.ech;
    }
    if (!rule.client.empty()) {
        object["client"] = Json::array();
        for (const AddressRange& range : ranges_of(clients)) {
            object["client"].push_back(to_string(range.first) + "-" + to_string(range.last));
        }
    }
    if (rule.action == InspectRule::Action::deny) {
        object["deny_with"] = std::string(to_string(rule.deny_with));
    }
    if (rule.action == InspectRule::Action::limit) {
        object["bits_per_second"] = rule.rate.count;
        object["per"] = std::string(to_string(rule.per));
    }
    return object;
}

// By the index of the interface. Of one whose VLAN decides: what its untagged packets enter; its
// tagged ones come in by an interface of their own.
Json zones_object(const Plan& plan, const InterfaceTables& tables) {
    Json zones = Json::object();
    for (const auto& [ifindex, iface] : tables.ifaces) {
        const uint8_t id = iface.vlan_table == 0
                               ? iface.zone
                               : tables.vlan_tables.at(iface.vlan_table).zone[PC_VLAN_NONE];
        for (const PlanZone& zone : plan.zones) {
            if (zone.id == id) {
                zones[std::to_string(ifindex)] = zone.name;
            }
        }
    }
    return zones;
}

// What [inspect.NAME] says beyond the maps, in the words of the rule file.
Json policy_object(const PlanInspect& planned) {
    const Inspect& inspect = planned.policy;
    Json object{{"name", planned.name},
                {"on_down", inspect.down_drops ? "drop" : "pass"},
                {"allow", inspect.allow},
                {"deny", inspect.deny},
                {"ech", std::string(to_string(inspect.ech))},
                {"on_overload", inspect.overload_passes ? "pass" : "drop"},
                {"max_flows", inspect.max_flows}};
    if (inspect.default_allows) {
        object["default"] = *inspect.default_allows ? "allow" : "deny";
    }
    if (inspect.timeout_passes) {
        object["on_timeout"] = *inspect.timeout_passes ? "pass" : "drop";
    }
    if (inspect.malformed_passes) {
        object["on_parse_error"] = *inspect.malformed_passes ? "pass" : "drop";
    }
    if (inspect.upstream) {
        object["upstream"] = upstream_object(*inspect.upstream);
    }
    object["rules"] = Json::array();
    for (size_t i = 0; i < inspect.rules.size(); ++i) {
        object["rules"].push_back(rule_object(inspect.rules[i], planned.clients.at(i)));
    }
    return object;
}

std::map<std::string, const Set*> sets_named(const RuleSet& rules, const Plan& plan) {
    std::map<std::string, const Set*> named;
    for (const PlanInspect& inspect : plan.inspects) {
        for (const InspectRule& rule : inspect.policy.rules) {
            for (const NameItem& item : rule.host) {
                const auto set =
                    std::find_if(rules.sets.begin(), rules.sets.end(),
                                 [&](const Set& each) { return each.name == item.set; });
                if (set != rules.sets.end()) {
                    named.emplace(item.set, &*set);
                }
            }
        }
    }
    return named;
}

// Not cryptographic: it tells two states of the operator's own list apart.
std::string digest_of(std::string_view text) {
    uint64_t low = 0x9e3779b97f4a7c15ULL ^ text.size();
    uint64_t high = 0xc2b2ae3d27d4eb4fULL;
    while (!text.empty()) {
        uint64_t word = 0;
        const size_t size = std::min(text.size(), sizeof(word));
        memcpy(&word, text.data(), size);
        text.remove_prefix(size);
        low = (low ^ word) * 0xff51afd7ed558ccdULL;
        low ^= low >> 32;
        high = (high + word) * 0xd6e8feb86659fd93ULL;
        high ^= high >> 29;
    }
    return fmt::format("{:016x}{:016x}", low, high);
}

} // namespace

NameFiles name_files(const RuleSet& rules, const Plan& plan) {
    NameFiles files;
    for (const auto& [name, set] : sets_named(rules, plan)) {
        NameFile file;
        size_t size = set->file_names.size();
        for (const std::string& item : set->names) {
            size += item.size() + 1;
        }
        file.lines.reserve(size);
        for (const std::string& item : set->names) {
            file.lines += item + "\n";
        }
        file.lines += set->file_names;
        file.name = "names/" + name + "." + digest_of(file.lines);
        files.emplace(name, std::move(file));
    }
    return files;
}

Result<void> write_name_files(const std::string& run_dir, const NameFiles& files) {
    const std::string folder = run_dir + "/names";
    if (files.empty()) {
        return {};
    }
    if (mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) {
        const int err = errno;
        return Error{err, "make " + folder + ": " + std::strerror(err)};
    }
    for (const auto& [name, file] : files) {
        const std::string path = run_dir + "/" + file.name;

        struct stat there {};

        if (stat(path.c_str(), &there) != 0 ||
            static_cast<size_t>(there.st_size) != file.lines.size()) {
            TRY(replace_file(path, file.lines, 0640));
        }
    }
    return {};
}

void remove_name_files(const std::string& run_dir, const NameFiles& but) {
    std::error_code error; // ignoring: what stays takes space, and the next commit tries again
    for (const auto& entry : std::filesystem::directory_iterator(run_dir + "/names", error)) {
        const std::string name = "names/" + entry.path().filename().string();
        if (std::none_of(but.begin(), but.end(),
                         [&](const auto& file) { return file.second.name == name; })) {
            std::filesystem::remove(entry.path(), error);
        }
    }
}

Json inspect_object(const Plan& plan, const NameFiles& files, const InterfaceTables& tables,
                    uint64_t revision, uint32_t bypass_mark) {
    Json inspects = Json::object();
    for (const PlanInspect& planned : plan.inspects) {
        inspects[std::to_string(planned.id)] = policy_object(planned);
    }
    Json names = Json::object();
    for (const PlanRule& rule : plan.rules) {
        names[std::to_string(rule.id)] = rule.name;
    }
    Json sets = Json::object();
    for (const auto& [name, file] : files) {
        sets[name] = file.name;
    }
    return {{"revision", revision},
            {"bypass_mark", bypass_mark},
            {"inspects", std::move(inspects)},
            {"rules", std::move(names)},
            {"sets", std::move(sets)},
            {"zones", zones_object(plan, tables)}};
}

} // namespace pc::daemon
