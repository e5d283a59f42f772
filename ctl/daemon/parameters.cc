// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/parameters.h"

#include <cerrno>

namespace pc::daemon {
namespace {

constexpr size_t files_max = 1024;

const Json* find(const Json& parameters, const char* name) {
    const auto found = parameters.find(name);
    return found == parameters.end() || found->is_null() ? nullptr : &*found;
}

Error wrong_type(const char* name, std::string_view wanted) {
    return Error{EINVAL, "parameter \"" + std::string(name) + "\" is not " + std::string(wanted)};
}

} // namespace

Result<std::string> text_parameter(const Json& parameters, const char* name) {
    const Json* value = find(parameters, name);
    if (value == nullptr) {
        return std::string();
    }
    if (!value->is_string()) {
        return wrong_type(name, "a string");
    }
    return value->get<std::string>();
}

Result<std::optional<uint64_t>> number_parameter(const Json& parameters, const char* name) {
    const Json* value = find(parameters, name);
    if (value == nullptr) {
        return std::optional<uint64_t>();
    }
    if (!value->is_number_unsigned()) {
        return wrong_type(name, "a whole number");
    }
    return std::optional<uint64_t>(value->get<uint64_t>());
}

Result<bool> flag_parameter(const Json& parameters, const char* name) {
    const Json* value = find(parameters, name);
    if (value != nullptr && !value->is_boolean()) {
        return wrong_type(name, "true or false");
    }
    return value != nullptr && value->get<bool>();
}

Result<std::vector<std::string>> texts_parameter(const Json& parameters, const char* name) {
    const Json* value = find(parameters, name);
    std::vector<std::string> texts;
    if (value == nullptr) {
        return texts;
    }
    if (!value->is_array()) {
        return wrong_type(name, "a list of strings");
    }
    for (const Json& item : *value) {
        if (!item.is_string()) {
            return wrong_type(name, "a list of strings");
        }
        texts.push_back(item.get<std::string>());
    }
    return texts;
}

Result<std::optional<std::vector<SourceFile>>> files_parameter(const Json& parameters,
                                                               const char* name) {
    const Json* value = find(parameters, name);
    if (value == nullptr) {
        return std::optional<std::vector<SourceFile>>();
    }
    if (!value->is_array() || value->size() > files_max) {
        return wrong_type(name, "a list of files");
    }
    std::vector<SourceFile> files;
    for (const Json& item : *value) {
        const Json* path = item.is_object() ? find(item, "path") : nullptr;
        const Json* text = item.is_object() ? find(item, "text") : nullptr;
        if (path == nullptr || text == nullptr || !path->is_string() || !text->is_string()) {
            return wrong_type(name, "a list of files with \"path\" and \"text\"");
        }
        files.push_back({path->get<std::string>(), text->get<std::string>()});
    }
    return std::optional<std::vector<SourceFile>>(std::move(files));
}

Json files_as_json(const std::vector<SourceFile>& files) {
    Json list = Json::array();
    for (const SourceFile& file : files) {
        list.push_back({{"path", file.path}, {"text", file.text}});
    }
    return list;
}

} // namespace pc::daemon
