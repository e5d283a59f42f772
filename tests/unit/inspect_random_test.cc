// SPDX-License-Identifier: GPL-3.0-or-later
// Random policies and flows, against the slowest clear reading of them, which shares nothing with
// the compiled policy.
#include <random>

#include "ctl/inspect/policy.h"
#include "rules/membership.h"
#include "tests/support/inspect_config.h"

namespace {

using pc::FlowProtocol;
using pc::InspectRule;
using pc::inspect::Judgement;
using pc::inspect::NameState;
using pc::inspect::Policy;
using pc::inspect::Subject;
using pc::test::carried;
using pc::test::parsed;

using Dice = std::mt19937;

size_t throw_die(Dice& dice, size_t sides) {
    return std::uniform_int_distribution<size_t>(0, sides - 1)(dice);
}

template <typename T>
const T& one_of(Dice& dice, const std::vector<T>& list) {
    return list[throw_die(dice, list.size())];
}

const std::vector<std::string> some_names{"a.b", "b", "c.a.b", "a.a.b", "d.c.a.b", "c", "a.c"};
const std::vector<std::string> some_hosts{"a.b", "*.b", "*.a.b", "@s", "@t", "c", "*.c"};
const std::vector<std::string> some_alpn{"h2", "http/1.1", "h3"};
const std::vector<std::string> some_methods{"GET", "POST", "HEAD"};
const std::vector<std::string> some_paths{"/a", "/a/b", "/", "/ab", "/b/"};
const std::vector<std::string> some_path_items{"/a", "/a*", "/a/*", "/*", "/b/"};
const std::vector<std::string> some_ja4{"t13d1516h2_8daaf6152771_e5627efa2ab1",
                                        "t13d1516h2_8daaf6152771_e5627efa2ab2"};
const std::vector<std::string> some_clients{"10.0.0.0/31", "10.0.0.2", "@net", "2001:db8::/127"};
const std::vector<std::string> some_addresses{"10.0.0.0", "10.0.0.1",    "10.0.0.2",
                                              "10.0.0.3", "2001:db8::1", "2001:db8::2"};
const std::vector<std::string> some_zones{"lan", "dmz"};
const std::vector<std::string> some_times{"Mon-Fri 08:00-18:00", "22:00-06:00", "Sun 12:00-11:59",
                                          "Sat", "Sun-Tue 23:00-01:00"};
const std::vector<std::string> some_protocols{"tls", "http", "quic", "dns", "none"};

std::string list_of(Dice& dice, const std::string& key, const std::vector<std::string>& items) {
    if (throw_die(dice, 4) != 0) {
        return "";
    }
    std::string text;
    for (size_t i = throw_die(dice, 3) + 1; i > 0; --i) {
        text += (text.empty() ? "\"" : ", \"") + std::string(throw_die(dice, 4) == 0 ? "!" : "") +
                one_of(dice, items) + "\"";
    }
    return key + " = [" + text + "]\n";
}

std::string random_rule(Dice& dice) {
    const std::vector<std::string> actions{
        "action = \"allow\"\n", "action = \"deny\"\n", "action = \"deny\"\ndeny_with = \"page\"\n",
        "action = \"log\"\n", "action = \"limit\"\nrate = \"1mbit\"\n"};
    const std::vector<std::string> ech{"", "", "", "ech = true\n", "ech = false\n"};
    return "[[inspect.web.rule]]\n" + one_of(dice, actions) + one_of(dice, ech) +
           list_of(dice, "host", some_hosts) + list_of(dice, "alpn", some_alpn) +
           list_of(dice, "method", some_methods) + list_of(dice, "path", some_path_items) +
           list_of(dice, "ja4", some_ja4) + list_of(dice, "client", some_clients) +
           list_of(dice, "zone", some_zones) + list_of(dice, "time", some_times) +
           list_of(dice, "protocol", some_protocols);
}

std::string random_policy(Dice& dice) {
    const std::vector<std::string> first{"", "", "default = \"deny\"\n", "default = \"allow\"\n",
                                         "allow = [\"*.b\", \"c\"]\n"};
    const std::vector<std::string> deny{"", "", "deny = [\"*.a.b\"]\n"};
    const std::vector<std::string> ech{"", "ech = \"log\"\n", "ech = \"drop\"\n"};
    std::string text = "[zone.lan]\ninterfaces = \"l\"\n[zone.dmz]\ninterfaces = \"d\"\n"
                       "[set.s]\ntype = \"name\"\nitems = [\"a.a.b\", \"*.c.a.b\"]\n"
                       "[set.t]\ntype = \"name\"\nitems = \"b\"\n"
                       "[set.net]\nitems = \"10.0.0.3\"\n[inspect.web]\n" +
                       one_of(dice, first) + one_of(dice, deny) + one_of(dice, ech);
    for (size_t i = throw_die(dice, 6); i > 0; --i) {
        text += random_rule(dice);
    }
    return text;
}

Subject random_subject(Dice& dice, std::vector<std::string>& alpn) {
    Subject subject;
    subject.protocol = static_cast<FlowProtocol>(throw_die(dice, 5));
    if (subject.protocol != FlowProtocol::none && throw_die(dice, 4) != 0) {
        subject.state = NameState::found;
        subject.name = one_of(dice, some_names);
    }
    if (subject.protocol == FlowProtocol::tls || subject.protocol == FlowProtocol::quic) {
        for (size_t i = throw_die(dice, 3); i > 0; --i) {
            alpn.push_back(one_of(dice, some_alpn));
        }
        subject.alpn = alpn;
        subject.ech = throw_die(dice, 2) == 0;
        subject.ja4 = throw_die(dice, 3) == 0 ? "" : std::string_view(one_of(dice, some_ja4));
    }
    if (subject.protocol == FlowProtocol::http) {
        subject.method = one_of(dice, some_methods);
        subject.path = one_of(dice, some_paths);
    }
    subject.client = *pc::parse_address(one_of(dice, some_addresses));
    subject.zone = throw_die(dice, 3) == 0 ? "" : std::string_view(one_of(dice, some_zones));
    subject.minute_of_week = static_cast<uint16_t>(throw_die(dice, pc::minutes_per_week));
    return subject;
}

bool naive_pattern(const std::string& pattern, std::string_view name) {
    return pattern.starts_with("*.")
               ? name.ends_with(pattern.substr(1)) && name.size() > pattern.size() - 1
               : name == pattern;
}

bool naive_host(const pc::RuleSet& rules, const pc::NameItem& item, std::string_view name) {
    if (item.set.empty()) {
        return naive_pattern(item.name, name);
    }
    for (const pc::Set& set : rules.sets) {
        for (const std::string& pattern : set.names) {
            if (set.name == item.set && naive_pattern(pattern, name)) {
                return true;
            }
        }
    }
    return false;
}

bool naive_time(const pc::WeekTime& time, unsigned minute) {
    for (unsigned day = 0; day < 7; ++day) {
        if ((time.days >> day & 1U) == 0) {
            continue;
        }
        for (unsigned m = time.from; m != time.to + (time.to <= time.from ? 1440U : 0U); ++m) {
            if ((day * 1440 + m) % 10080 == minute) {
                return true;
            }
        }
    }
    return false;
}

// A positive item holds, or there is none; and no negated one does.
template <typename Item, typename Holds>
bool naive_list(const std::vector<Item>& items, bool is_there, Holds holds) {
    if (items.empty()) {
        return true;
    }
    bool any_positive = false;
    bool positive = false;
    for (const Item& item : items) {
        if (item.negated && holds(item)) {
            return false;
        }
        any_positive = any_positive || !item.negated;
        positive = positive || (!item.negated && holds(item));
    }
    return is_there && (positive || !any_positive);
}

bool naive_matches(const pc::RuleSet& rules, const InspectRule& rule, const Subject& flow) {
    const bool hello = flow.protocol == FlowProtocol::tls || flow.protocol == FlowProtocol::quic;
    const bool is_http = flow.protocol == FlowProtocol::http;
    const auto word = [](std::string_view value) {
        return [value](const pc::WordItem& item) { return item.text == value; };
    };
    if (rule.ech && (!hello || *rule.ech != flow.ech)) {
        return false;
    }
    return naive_list(rule.protocol, true, word(pc::to_string(flow.protocol))) &&
           naive_list(
               rule.host, flow.state == NameState::found,
               [&](const pc::NameItem& item) { return naive_host(rules, item, flow.name); }) &&
           naive_list(rule.alpn, hello,
                      [&](const pc::WordItem& item) {
                          return std::count(flow.alpn.begin(), flow.alpn.end(), item.text) > 0;
                      }) &&
           naive_list(rule.ja4, !flow.ja4.empty(), word(flow.ja4)) &&
           naive_list(rule.method, is_http, word(flow.method)) &&
           naive_list(rule.path, is_http,
                      [&](const pc::WordItem& item) {
                          const bool prefix = item.text.back() == '*';
                          return prefix ? flow.path.rfind(item.text.substr(0, item.text.size() - 1),
                                                          0) == 0
                                        : item.text == flow.path;
                      }) &&
           naive_list(rule.zone, !flow.zone.empty(),
                      [&](const pc::ZoneItem& item) { return item.zone == flow.zone; }) &&
           naive_list(rule.time, true,
                      [&](const pc::WeekItem& item) {
                          return naive_time(item.time, flow.minute_of_week);
                      }) &&
           (rule.client.empty() ||
            pc::find_in_list(rules, {}, rule.client, flow.client).has_value());
}

struct Naive {
    bool allowed = true;
    size_t rule = 0; // its number; 0: none
    size_t logged = 0;
    bool page = false;
};

Naive naive_judge(const pc::RuleSet& rules, const Subject& flow) {
    const pc::Inspect& inspect = rules.inspects.front();
    const bool has_name = flow.state == NameState::found;
    const auto among = [&](const std::vector<std::string>& patterns) {
        return has_name && std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) {
                   return naive_pattern(pattern, flow.name);
               });
    };
    Naive answer;
    if (among(inspect.deny) || (flow.ech && inspect.ech == pc::Inspect::Ech::drop)) {
        answer.allowed = false;
        return answer;
    }
    answer.logged = flow.ech && inspect.ech == pc::Inspect::Ech::log ? 1 : 0;
    for (size_t i = 0; i < inspect.rules.size(); ++i) {
        const InspectRule& rule = inspect.rules[i];
        if (!naive_matches(rules, rule, flow)) {
            continue;
        }
        if (rule.action == InspectRule::Action::log) {
            ++answer.logged;
            continue;
        }
        answer.allowed = rule.action != InspectRule::Action::deny;
        answer.rule = i + 1;
        answer.page = !answer.allowed && rule.deny_with == InspectRule::DenyWith::page;
        return answer;
    }
    answer.allowed = among(inspect.allow) ||
                     (inspect.default_allows ? *inspect.default_allows : inspect.allow.empty());
    return answer;
}

} // namespace

TEST_CASE("random policies judge random flows as the slow evaluator does") {
    Dice dice(20261122);
    size_t denied = 0;
    size_t ruled = 0;
    size_t flows = 0;
    for (int round = 0; round < 150; ++round) {
        const std::string text = random_policy(dice);
        const pc::RuleSet rules = parsed(text);
        const auto config = carried(rules);
        const Policy& compiled = *config.inspects.at(1).policy;
        for (int i = 0; i < 150; ++i) {
            std::vector<std::string> alpn;
            const Subject subject = random_subject(dice, alpn);
            const Judgement judgement = pc::inspect::judge(compiled, subject);
            const Naive naive = naive_judge(rules, subject);
            INFO(text << "\nname " << subject.name << " protocol "
                      << pc::to_string(subject.protocol) << " reason " << judgement.reason);
            REQUIRE(judgement.allowed == naive.allowed);
            REQUIRE(judgement.rule == (naive.rule == 0 ? "" : "#" + std::to_string(naive.rule)));
            REQUIRE(judgement.logged.size() == naive.logged);
            REQUIRE((judgement.deny_with == InspectRule::DenyWith::page) == naive.page);
            denied += naive.allowed ? 0 : 1;
            ruled += naive.rule != 0 ? 1 : 0;
            ++flows;
        }
    }
    // Neither side may win by having nothing to decide.
    CHECK(denied > flows / 5);
    CHECK(flows - denied > flows / 5);
    CHECK(ruled > flows / 10);
}
