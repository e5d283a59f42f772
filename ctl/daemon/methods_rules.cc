// SPDX-License-Identifier: GPL-3.0-or-later
// show rules, show rule NAME, explain packet.
#include <algorithm>
#include <cerrno>
#include <unordered_map>

#include <fmt/format.h>

#include "ctl/daemon/methods.h"
#include "ctl/daemon/parameters.h"
#include "ctl/files/files.h"
#include "rules/explain.h"
#include "rules/packet.h"
#include "rules/print.h"

namespace pc::daemon::methods {
namespace {

std::string_view log_word(Log log) {
    switch (log) {
    case Log::none:
        return "none";
    case Log::sampled:
        return "sampled";
    case Log::all:
        return "all";
    }
    return "";
}

Json source_of(const RuleSet& rules, const Location& at) {
    const bool known = at.file < rules.files.size();
    return {{"file", known ? rules.files[at.file].path : ""}, {"line", at.line}};
}

// Ids of the rules that hold, by name.
std::unordered_map<std::string_view, uint32_t> ids_of(const Running& running) {
    std::unordered_map<std::string_view, uint32_t> ids;
    if (running.plan) {
        for (const PlanRule& rule : running.plan->rules) {
            ids.emplace(rule.name, rule.id);
        }
    }
    return ids;
}

Result<Json> rule_object(const Context& context, const Rule& rule, const HitClock& clock,
                         const std::unordered_map<std::string_view, uint32_t>& ids) {
    const Running& running = context.firewall.running();
    const auto id = ids.find(rule.name);
    const bool is_active = id != ids.end();
    Json object{{"name", rule.name},
                {"priority", rule.priority},
                {"zone_in", print_zones(rule.match.in)},
                {"zone_out", print_zones(rule.match.out)},
                {"action", std::string(to_string(rule.action))},
                {"hook", std::string(to_string(hook_of(rule)))},
                {"match", print_match(rule.match)},
                {"log", std::string(log_word(rule.log))},
                {"source", source_of(running.rules, rule.at)},
                {"disabled", !is_active}};
    Count count;
    if (is_active) {
        count = TRY(read_counter(context.firewall.datapath().map("rule_counters"), id->second));
        object["id"] = id->second;
    }
    if (rule.action == Action::inspect) {
        object["inspect"] = rule.inspect;
    }
    add_count(object, count, clock);
    return object;
}

// From its header to the next one.
Json lines_of(const RuleSet& rules, const Location& at) {
    Json lines = Json::array();
    if (at.file >= rules.files.size() || at.line == 0) {
        return lines;
    }
    std::string_view text = rules.files[at.file].text;
    for (uint32_t line = 1; !text.empty(); ++line) {
        const size_t end = text.find('\n');
        const std::string_view words = text.substr(0, end);
        text = end == text.npos ? std::string_view() : text.substr(end + 1);
        if (line > at.line && words.substr(0, 1) == "[") {
            break;
        }
        if (line >= at.line) {
            lines.push_back(std::string(words));
        }
    }
    while (!lines.empty() && lines.back().get_ref<const std::string&>().empty()) {
        lines.erase(lines.size() - 1);
    }
    return lines;
}

Result<Json> default_object(const Context& context, const HitClock& clock) {
    const KernelMap& map = context.firewall.datapath().map("reasons");
    const Count dropped = TRY(read_counter(map, PC_REASON_POLICY));
    const Count accepted = TRY(read_counter(map, PC_REASON_DEFAULT_ACCEPT));
    const Count all{dropped.packets + accepted.packets, dropped.bytes + accepted.bytes,
                    std::max(dropped.last_jiffies, accepted.last_jiffies)};
    Json object{
        {"action", std::string(to_string(context.firewall.running().rules.defaults.action))}};
    add_count(object, all, clock);
    return object;
}

} // namespace

Answer get_rules(const Context& context, const Parameters&) {
    const HitClock clock = hit_clock(context.firewall);
    const auto ids = ids_of(context.firewall.running());
    Json list = Json::array();
    for (const Rule& rule : context.firewall.running().rules.rules) {
        list.push_back(TRY(rule_object(context, rule, clock, ids)));
    }
    return Json{{"rules", std::move(list)}, {"default", TRY(default_object(context, clock))}};
}

Answer get_rule(const Context& context, const Parameters& parameters) {
    const std::string name = TRY(text_parameter(parameters, "name"));
    const RuleSet& rules = context.firewall.running().rules;
    const auto found = std::find_if(rules.rules.begin(), rules.rules.end(), [&](const Rule& rule) {
        return rule.name == name || std::to_string(rule.priority) == name;
    });
    if (found == rules.rules.end()) {
        std::vector<std::string> names;
        for (const Rule& rule : rules.rules) {
            names.push_back(rule.name);
        }
        const auto meant = did_you_mean(name, names);
        return Error{ENOENT, "no rule '" + name + "'" +
                                 (meant.empty() ? "" : "; did you mean '" + meant.front() + "'?")};
    }
    Json object = TRY(rule_object(context, *found, hit_clock(context.firewall),
                                  ids_of(context.firewall.running())));
    object["note"] = found->note;
    object["tags"] = found->tags;
    object["until"] = nullptr;
    if (found->until) {
        object["until"] = fmt::format("{:04}-{:02}-{:02}", found->until->year, found->until->month,
                                      found->until->day);
    }
    object["toml"] = lines_of(rules, found->at);
    object["revision"] = context.firewall.running().revision.number;
    return object;
}

Answer explain(const Context& context, const Parameters& parameters) {
    const auto words = TRY(texts_parameter(parameters, "words"));
    const auto files = TRY(files_parameter(parameters, "files"));
    RuleSet candidate;
    if (files) {
        Candidate checked = context.firewall.check(*files);
        if (!checked.ok()) {
            return Error{err_config, checked.text};
        }
        candidate = std::move(checked.rules);
    }
    const RuleSet& rules = files ? candidate : context.firewall.running().rules;
    const ParsedPacket parsed = parse_packet(words, rules);
    if (parsed.diagnostics.has_errors()) {
        return Error{EINVAL, render(parsed.diagnostics, {parsed.line}, "")};
    }
    const Environment environment = context.firewall.environment_now();
    const Meaning meaning = verdict_of(rules, environment, parsed.packet);
    Json answer = Json::parse(explain_json(meaning), nullptr, false);
    if (!answer.is_object()) {
        return Error{EPROTO, "the explanation is not JSON"};
    }
    answer["text"] = explain_text(rules, environment, parsed.packet, meaning);
    return answer;
}

} // namespace pc::daemon::methods
