// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/config.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include <fmt/format.h>

#include "rules/abi.h"

namespace pc::inspect {

namespace {

using Json = nlohmann::json;

// Null for a member that is not there.
const Json& member(const Json& object, const char* name) {
    static const Json none;
    const auto it = object.find(name);
    return it == object.end() ? none : *it;
}

Result<uint64_t> number(const Json& object, const char* name, uint64_t max) {
    const Json& value = member(object, name);
    if (value.is_null()) {
        return uint64_t{0};
    }
    if (!value.is_number_unsigned() || value.get<uint64_t>() > max) {
        return Error{0, fmt::format("\"{}\" is not a number from 0 to {}", name, max)};
    }
    return value.get<uint64_t>();
}

Result<std::string> text(const Json& value, std::string_view what) {
    if (!value.is_string()) {
        return Error{0, fmt::format("{} is not a string", what)};
    }
    return value.get<std::string>();
}

Result<std::vector<std::string>> texts(const Json& object, const char* name) {
    std::vector<std::string> list;
    const Json& value = member(object, name);
    if (!value.is_null() && !value.is_array()) {
        return Error{0, fmt::format("\"{}\" is not a list", name)};
    }
    for (const Json& item : value) {
        list.push_back(TRY(text(item, name)));
    }
    return list;
}

Result<uint32_t> id_of(const std::string& key, uint32_t max) {
    uint32_t id = 0;
    const char* end = key.data() + key.size();
    const auto [last, error] = std::from_chars(key.data(), end, id);
    if (error != std::errc{} || last != end || id > max) {
        return Error{0, fmt::format("\"{}\" is not an id", key)};
    }
    return id;
}

Result<InspectConfig> parse_inspect(const Json& json) {
    if (!json.is_object()) {
        return Error{0, "an inspect is not an object"};
    }
    InspectConfig inspect;
    inspect.name = TRY(text(member(json, "name"), "an inspect's name"));
    inspect.flows_max = TRY(number(json, "max_flows", UINT32_MAX));
    const std::vector<std::string> allow = TRY(texts(json, "allow"));
    const std::vector<std::string> deny = TRY(texts(json, "deny"));
    inspect.policy = TRY(make_policy(allow, deny));
    return inspect;
}

Result<void> is_object_or_absent(const Json& json, const char* name) {
    if (!json.is_null() && !json.is_object()) {
        return Error{0, fmt::format("\"{}\" is not an object", name)};
    }
    return {};
}

} // namespace

Result<Config> parse_config(const Json& json) {
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
    const Json& inspects = member(json, "inspects");
    TRY(is_object_or_absent(inspects, "inspects"));
    for (const auto& [key, value] : inspects.items()) {
        const uint32_t id = TRY(id_of(key, PC_INSPECTS_MAX - 1));
        config.inspects.emplace(id, TRY(parse_inspect(value)));
    }
    const Json& rules = member(json, "rules");
    TRY(is_object_or_absent(rules, "rules"));
    for (const auto& [key, value] : rules.items()) {
        const uint32_t id = TRY(id_of(key, UINT32_MAX));
        config.rules.emplace(id, TRY(text(value, "a rule's name")));
    }
    return config;
}

Result<Config> parse_config(std::string_view text) {
    const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded()) {
        return Error{0, "the inspector's configuration is not JSON"};
    }
    return parse_config(json);
}

Result<Config> read_config(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    if (!file) {
        const int err = errno;
        return Error{err, fmt::format("read {}: {}", path, strerror(err))};
    }
    content << file.rdbuf();
    const std::string text = content.str();
    Result<Config> config = parse_config(std::string_view{text});
    if (!config) {
        return Error{0, fmt::format("{}: {}", path, config.error().message)};
    }
    return config;
}

} // namespace pc::inspect
