// SPDX-License-Identifier: GPL-3.0-or-later
// What the daemon tells the inspector: which inspect id means what. From JSON text; sets of names,
// which may hold millions, stand in files beside it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <nlohmann/json.hpp>

#include "ctl/inspect/policy.h"
#include "ctl/inspect/upstream_pool.h"
#include "rules/result.h"

namespace pc::inspect {

struct InspectConfig {
    std::string name;
    std::shared_ptr<const Policy> policy; // never null in a parsed one
    uint64_t flows_max = 0;               // 0: only the program's own limit
    std::optional<Upstream> upstream;     // several servers, as written
    PoolPtr pool;                         // these at work: HealthChecker gives it
};

// By file. A file is never changed: other contents have another name.
using NameSets = std::map<std::string, std::shared_ptr<const NameSet>>;

struct Config {
    uint64_t revision = 0;
    uint32_t bypass_mark = 0; // never 0 in a parsed one
    std::unordered_map<uint32_t, InspectConfig> inspects;
    std::unordered_map<uint32_t, std::string> rules; // names, for the log
    std::unordered_map<uint32_t, std::string> zones; // names, by the interface's index
    NameSets sets;                                   // of all inspects

    // Null if that inspect id is not known (yet).
    [[nodiscard]] const InspectConfig* find(uint32_t inspect) const {
        const auto it = inspects.find(inspect);
        return it == inspects.end() ? nullptr : &it->second;
    }
};

using ConfigPtr = std::shared_ptr<const Config>; // one for all workers

// Gives the set that stands in a file named by the configuration.
using ReadSet = std::function<Result<std::shared_ptr<const NameSet>>(const std::string& file)>;

// Unknown members are allowed, so that an older inspector understands a newer daemon.
[[nodiscard]] Result<Config> parse_config(const nlohmann::json& json, const ReadSet& read_set);
[[nodiscard]] Result<Config> parse_config(std::string_view text, const ReadSet& read_set);

// From a file, with the sets beside it. May take a second for a set of a million names.
[[nodiscard]] Result<Config> read_config(const std::string& path);

// Reads files of `folder`, but not those that `known` has.
[[nodiscard]] ReadSet sets_in(std::string folder, NameSets known);

[[nodiscard]] std::string folder_of(const std::string& path);

} // namespace pc::inspect
