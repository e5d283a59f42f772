// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/config.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include <fmt/format.h>

#include "ctl/inspect/config_rules.h"
#include "ctl/inspect/config_upstream.h"
#include "ctl/inspect/random.h"
#include "rules/abi.h"

namespace pc::inspect {

namespace {

using Json = nlohmann::json;

Result<uint32_t> id_of(const std::string& key, uint32_t max) {
    uint32_t id = 0;
    const char* end = key.data() + key.size();
    const auto [last, error] = std::from_chars(key.data(), end, id);
    if (error != std::errc{} || last != end || id > max) {
        return Error{0, fmt::format("\"{}\" is not an id", key)};
    }
    return id;
}

Result<InspectConfig> parse_inspect(const Json& json, const FindSet& find_set) {
    if (!json.is_object()) {
        return Error{0, "an inspect is not an object"};
    }
    InspectConfig inspect;
    inspect.name = TRY(text(member(json, "name"), "an inspect's name"));
    inspect.flows_max = TRY(number(json, "max_flows", UINT32_MAX));
    inspect.upstream = TRY(read_upstream(member(json, "upstream")));
    const WrittenPolicy written = TRY(read_policy(json));
    inspect.policy = std::make_shared<const Policy>(
        TRY(make_policy(written.inspect, written.clients, find_set)));
    return inspect;
}

Result<void> is_object_or_absent(const Json& json, const char* name) {
    if (!json.is_null() && !json.is_object()) {
        return Error{0, fmt::format("\"{}\" is not an object", name)};
    }
    return {};
}

// "7": "name".
Result<std::unordered_map<uint32_t, std::string>> names_by_id(const Json& object,
                                                              const char* name) {
    std::unordered_map<uint32_t, std::string> names;
    const Json& members = member(object, name);
    TRY(is_object_or_absent(members, name));
    for (const auto& [key, value] : members.items()) {
        const uint32_t id = TRY(id_of(key, UINT32_MAX));
        names.emplace(id, TRY(text(value, name)));
    }
    return names;
}

// The sets of the configuration, by their own name; and by file in `config`.
Result<NameSets> read_sets(const Json& json, const ReadSet& read_set, Config& config) {
    NameSets sets;
    const Json& members = member(json, "sets");
    TRY(is_object_or_absent(members, "sets"));
    for (const auto& [name, value] : members.items()) {
        const std::string file = TRY(text(value, "the file of a set"));
        const std::shared_ptr<const NameSet> set = TRY(read_set(file));
        sets.emplace(name, set);
        config.sets.emplace(file, set);
    }
    return sets;
}

Result<std::string> read_whole(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        const int err = errno;
        return Error{err, fmt::format("read {}: {}", path, strerror(err))};
    }
    std::string content;
    file.seekg(0, std::ios::end);
    content.resize(static_cast<size_t>(std::max<std::streamoff>(file.tellg(), 0)));
    file.seekg(0);
    file.read(content.data(), static_cast<std::streamsize>(content.size()));
    if (!file) {
        return Error{EIO, fmt::format("read {}: it became shorter", path)};
    }
    return content;
}

} // namespace

Result<Config> parse_config(const Json& json, const ReadSet& read_set) {
    if (!json.is_object()) {
        return Error{0, "the inspector's configuration is not a JSON object"};
    }
    Config config;
    config.revision = TRY(number(json, "revision", UINT64_MAX));
    config.bypass_mark = static_cast<uint32_t>(TRY(number(json, "bypass_mark", UINT32_MAX)));
    if (config.bypass_mark == 0) {
        // Without it the inspector's own connections would be diverted to the inspector, for ever.
        return Error{0, "\"bypass_mark\" is missing or 0"};
    }
    const NameSets sets = TRY(read_sets(json, read_set, config));
    const FindSet find_set = [&sets](const std::string& name) {
        const auto found = sets.find(name);
        return found == sets.end() ? nullptr : found->second;
    };
    const Json& inspects = member(json, "inspects");
    TRY(is_object_or_absent(inspects, "inspects"));
    for (const auto& [key, value] : inspects.items()) {
        const uint32_t id = TRY(id_of(key, PC_INSPECTS_MAX - 1));
        config.inspects.emplace(id, TRY(parse_inspect(value, find_set)));
    }
    config.rules = TRY(names_by_id(json, "rules"));
    config.zones = TRY(names_by_id(json, "zones"));
    return config;
}

Result<Config> parse_config(std::string_view text, const ReadSet& read_set) {
    const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded()) {
        return Error{0, "the inspector's configuration is not JSON"};
    }
    return parse_config(json, read_set);
}

Result<Config> read_config(const std::string& path) {
    const std::string text = TRY(read_whole(path));
    Result<Config> config = parse_config(std::string_view{text}, sets_in(folder_of(path), {}));
    if (!config) {
        return Error{config.error().err, fmt::format("{}: {}", path, config.error().message)};
    }
    return config;
}

ReadSet sets_in(std::string folder, NameSets known) {
    return [folder = std::move(folder), known = std::move(known)](
               const std::string& file) -> Result<std::shared_ptr<const NameSet>> {
        if (const auto found = known.find(file); found != known.end()) {
            return found->second;
        }
        Result<NameSet> set =
            NameSet::from_lines(TRY(read_whole(folder + "/" + file)), random_number());
        if (!set) {
            return Error{0, fmt::format("{}: {}", file, set.error().message)};
        }
        return std::make_shared<const NameSet>(set.take());
    };
}

std::string folder_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, std::max<size_t>(slash, 1));
}

} // namespace pc::inspect
