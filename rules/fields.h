// SPDX-License-Identifier: GPL-3.0-or-later
// A rule, set, zone, inspector or section as the keys and values of its TOML table: the one list of
// keys behind the canonical text, `show` and `compare`.
#pragma once

#include "rules/rule.h"

namespace pc {

// "tcp" is quoted in TOML, 22 is not.
struct FieldValue {
    std::string text;
    bool quoted = true;

    bool operator==(const FieldValue&) const = default;
};

struct Field {
    std::string key;
    std::vector<FieldValue> values;
    bool is_list = false; // one value of a list is written without brackets

    bool operator==(const Field&) const = default;
};

// In canonical order. Scalars that have a default are always there; lists and scalars without one
// only if they are named.
using Fields = std::vector<Field>;

[[nodiscard]] Fields fields_of(const Rule& rule); // without its name
[[nodiscard]] Fields fields_of(const Match& match);
[[nodiscard]] Fields fields_of(const Set& set);
[[nodiscard]] Fields fields_of(const Zone& zone);
[[nodiscard]] Fields fields_of(const Inspect& inspect); // without its rules
[[nodiscard]] Fields fields_of(const InspectRule& rule);
[[nodiscard]] Fields fields_of(const Upstream& upstream); // without its checks
[[nodiscard]] Fields fields_of(const HealthChecks& health);
[[nodiscard]] Fields fields_of(const Host& host);
[[nodiscard]] Fields fields_of(const Defaults& defaults);
[[nodiscard]] Fields fields_of(const Safety& safety);
[[nodiscard]] Fields fields_of(const Flows& flows);
[[nodiscard]] Fields fields_of(const Guard& guard);
[[nodiscard]] Fields fields_of(const Limit& limit);

// The fields in which the object differs from a fresh one, and those named in `always`.
[[nodiscard]] Fields without_defaults(const Fields& fields, const Fields& fresh,
                                      const std::vector<std::string_view>& always = {});

[[nodiscard]] const Field* find_field(const Fields& fields, std::string_view key);

// "22, 80-90": the values, of more than `values_max` the first ones.
[[nodiscard]] std::string values_text(const Field& field, std::string_view separator,
                                      size_t values_max = SIZE_MAX);

} // namespace pc
