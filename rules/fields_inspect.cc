// SPDX-License-Identifier: GPL-3.0-or-later
// [inspect.NAME] and its rules as keys and values.
#include "rules/fields.h"
#include "rules/words.h"

namespace pc {

namespace {

void add(Fields& fields, std::string_view key, std::string_view text) {
    fields.push_back({std::string(key), {{std::string(text), true}}, false});
}

void add_bare(Fields& fields, std::string_view key, std::string text) {
    fields.push_back({std::string(key), {{std::move(text), false}}, false});
}

const std::string& word_of(const std::string& name) {
    return name;
}

template <typename Item>
void add_list(Fields& fields, std::string_view key, const std::vector<Item>& items) {
    if (items.empty()) {
        return;
    }
    Field field{std::string(key), {}, true};
    field.values.reserve(items.size());
    for (const Item& item : items) {
        field.values.push_back({word_of(item), true});
    }
    fields.push_back(std::move(field));
}

std::string_view pass_word(bool passes) {
    return passes ? "pass" : "drop";
}

} // namespace

Fields fields_of(const Inspect& inspect) {
    Fields fields;
    if (inspect.port) {
        add_bare(fields, "port", std::to_string(*inspect.port));
    }
    if (inspect.mark) {
        add_bare(fields, "mark", hex_word(*inspect.mark));
    }
    add(fields, "on_down", pass_word(!inspect.down_drops));
    add(fields, "mode", to_string(inspect.mode));
    add_list(fields, "exclude", inspect.exclude);
    add_list(fields, "allow", inspect.allow);
    add_list(fields, "deny", inspect.deny);
    if (inspect.default_allows) {
        add(fields, "default", *inspect.default_allows ? "allow" : "deny");
    }
    add(fields, "ech", to_string(inspect.ech));
    add(fields, "on_overload", pass_word(inspect.overload_passes));
    if (inspect.timeout_passes) {
        add(fields, "on_timeout", pass_word(*inspect.timeout_passes));
    }
    if (inspect.malformed_passes) {
        add(fields, "on_parse_error", pass_word(*inspect.malformed_passes));
    }
    if (inspect.max_flows != 0) {
        add_bare(fields, "max_flows", std::to_string(inspect.max_flows));
    }
    return fields;
}

Fields fields_of(const InspectRule& rule) {
    Fields fields;
    if (!rule.name.empty()) {
        add(fields, "name", rule.name);
    }
    add_list(fields, "protocol", rule.protocol);
    add_list(fields, "host", rule.host);
    add_list(fields, "alpn", rule.alpn);
    add_list(fields, "ja4", rule.ja4);
    if (rule.ech) {
        add_bare(fields, "ech", *rule.ech ? "true" : "false");
    }
    add_list(fields, "method", rule.method);
    add_list(fields, "path", rule.path);
    add_list(fields, "client", rule.client);
    add_list(fields, "zone", rule.zone);
    add_list(fields, "time", rule.time);
    add(fields, "action", to_string(rule.action));
    if (rule.action == InspectRule::Action::limit) {
        add(fields, "rate", to_string(rule.rate));
        add(fields, "per", to_string(rule.per));
    }
    add(fields, "deny_with", to_string(rule.deny_with));
    return fields;
}

} // namespace pc
