// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/edit_verify.h"

#include <algorithm>
#include <array>
#include <set>

#include "rules/edit_order.h"
#include "rules/print.h"

namespace pc::edit {
namespace {

template <typename List>
std::vector<std::string> names(const List& list) {
    std::vector<std::string> out;
    out.reserve(list.size());
    for (const auto& each : list) {
        out.push_back(each.name);
    }
    return out;
}

template <typename List>
void erase_named(List& list, const std::string& name) {
    std::erase_if(list, [&](const auto& each) { return each.name == name; });
}

// What an edit of the target may not change.
std::string rest_of(RuleSet rules, const Change& change) {
    switch (change.target.table) {
    case Table::rule:
        if (change.order.empty()) {
            erase_named(rules.rules, change.target.name);
        }
        break;
    case Table::set:
        erase_named(rules.sets, change.target.name);
        break;
    case Table::zone:
        erase_named(rules.zones, change.target.name);
        break;
    case Table::inspect:
        erase_named(rules.inspects, change.target.name);
        break;
    case Table::limit:
        erase_named(rules.limits, change.target.name);
        break;
    case Table::host:
        rules.host = {};
        break;
    case Table::defaults:
        rules.defaults = {};
        break;
    case Table::safety:
        rules.safety = {};
        break;
    case Table::flows:
        rules.flows = {};
        break;
    case Table::guard:
        rules.guard = {};
        break;
    }
    if (change.followers == Followers::keep_order || !change.order.empty()) {
        for (Rule& rule : rules.rules) {
            rule.priority = 0;
        }
        std::sort(rules.rules.begin(), rules.rules.end(),
                  [](const Rule& a, const Rule& b) { return a.name < b.name; });
    }
    return print_toml(rules);
}

std::string diagnostic_key(const Diagnostic& each) {
    return each.code + each.message;
}

// Is the place the header of the target's table? What is still missing there is check()'s to say.
bool at_header(const Change& change, const std::vector<ScannedFile>& after, size_t file,
               const Location& at) {
    const std::optional<Place> place = find_table(after, change.target);
    if (!place || place->file != file) {
        return false;
    }
    const std::string& text = after[file].source.text;
    const size_t begin = after[file].toml.tables[place->table].header.begin;
    const auto line = std::count(text.begin(), text.begin() + static_cast<long>(begin), '\n') + 1;
    return at.line == static_cast<uint32_t>(line);
}

Refusal refusal_of(const Diagnostic& each, const WordAt& at) {
    Refusal refusal{at.word, at.offset, at.length, each.message, each.help};
    for (const Note& note : each.notes) {
        refusal.message += "; " + note.text;
    }
    return refusal;
}

// What the keys of a table ask of each other: one command may give the one, the next the other.
bool is_about_others(const Diagnostic& each) {
    static constexpr std::array codes{"E014", "E018", "E023", "E041", "E042", "E043", "E044"};
    return std::find(codes.begin(), codes.end(), each.code) != codes.end();
}

struct Found {
    std::optional<WordAt> word; // of the command, that stands there
    bool at_header = false;
};

Found find_place(const Change& change, const Applied& applied, const Parsed& after,
                 const Location& at) {
    Found found;
    const Result<std::vector<ScannedFile>> scanned = scan_files(applied.files);
    const std::vector<SourceFile>& sources = after.rules.files;
    for (size_t file = 0; file < applied.files.size() && at.file < sources.size(); ++file) {
        if (sources[at.file].path == applied.files[file].path) {
            found.word = word_at(applied, file, at);
            found.at_header = scanned && at_header(change, scanned.value(), file, at);
        }
    }
    return found;
}

// What the edit must not leave behind is the refusal; what may wait goes to `unfinished`.
std::optional<Refusal> new_errors(const Change& change, const Applied& applied, const Parsed& after,
                                  std::string& unfinished) {
    std::multiset<std::string> known;
    for (const Diagnostic& each : change.before.diagnostics.list) {
        known.insert(diagnostic_key(each));
    }
    for (const Diagnostic& each : after.diagnostics.list) {
        if (each.severity != Severity::error) {
            continue;
        }
        const Found found = find_place(change, applied, after, each.at);
        if (is_about_others(each) || (found.at_header && !found.word)) {
            if (!known.contains(diagnostic_key(each))) {
                unfinished +=
                    (unfinished.empty() ? "" : "\n") + ("not complete yet: " + each.message);
            }
        } else if (found.word) {
            return refusal_of(each, *found.word);
        } else if (const auto old = known.find(diagnostic_key(each)); old != known.end()) {
            known.erase(old);
        } else {
            Refusal refusal = refusal_of(each, {});
            refusal.message = place(each.at, after.rules.files) + ": " + refusal.message;
            return refusal;
        }
    }
    return std::nullopt;
}

std::vector<std::string> order_of(const RuleSet& rules, const Change& change) {
    std::vector<std::string> order = names(rules.rules);
    if (change.order.empty() && change.target.table == Table::rule) {
        std::erase(order, change.target.name);
    }
    return order;
}

bool order_holds(const Change& change, const RuleSet& after) {
    const std::vector<std::string> wanted =
        change.order.empty() ? order_of(change.before.rules, change) : change.order;
    std::set<uint32_t> priorities;
    for (const Rule& rule : after.rules) {
        priorities.insert(rule.priority);
    }
    return order_of(after, change) == wanted && priorities.size() == after.rules.size();
}

// The first follower, in order of the file, that the edit would move, gets its old priority.
bool pin_follower(Change& change, const RuleSet& after, std::string& summary) {
    if (change.followers == Followers::keep_order && order_holds(change, after)) {
        return false;
    }
    const Rule* first = nullptr;
    const Rule* old = nullptr;
    for (const Rule& rule : after.rules) {
        const bool own = change.target.table == Table::rule && rule.name == change.target.name;
        const bool meant = std::find(change.renumbered.begin(), change.renumbered.end(),
                                     rule.name) != change.renumbered.end();
        const auto same =
            std::find_if(change.before.rules.rules.begin(), change.before.rules.rules.end(),
                         [&](const Rule& each) { return each.name == rule.name; });
        if (own || meant || same == change.before.rules.rules.end() ||
            same->priority == rule.priority) {
            continue;
        }
        if (first == nullptr || rule.at < first->at) {
            first = &rule;
            old = &*same;
        }
    }
    if (first == nullptr) {
        return false;
    }
    const std::optional<Place> place = find_table(change.scanned, {Table::rule, first->name});
    if (!place || find_entry(change.scanned, *place, "priority") != nullptr) {
        return false;
    }
    change.pieces.push_back(priority_piece(change.scanned, *place, old->priority));
    change.renumbered.push_back(first->name);
    summary += (summary.empty() ? "" : "\n") + ("priority of " + first->name) + ": now written, " +
               std::to_string(old->priority) + " as before";
    return true;
}

bool holds(const TextEntry* entry, const Expected& expected) {
    if (expected.how == Expected::How::absent && expected.items.empty()) {
        return entry == nullptr;
    }
    if (entry == nullptr) {
        return false;
    }
    std::vector<std::string> items;
    for (const TextItem& item : entry->items) {
        items.push_back(item.text);
    }
    const auto among = [&](const std::string& item) {
        return std::find(items.begin(), items.end(), item) != items.end();
    };
    switch (expected.how) {
    case Expected::How::exactly:
        return items == expected.items;
    case Expected::How::among:
        return std::all_of(expected.items.begin(), expected.items.end(), among);
    case Expected::How::absent:
        return std::none_of(expected.items.begin(), expected.items.end(), among);
    }
    return false;
}

// Is the new text what was meant?
bool as_meant(const Change& change, const Applied& applied, const RuleSet& after) {
    const Result<std::vector<ScannedFile>> scanned = scan_files(applied.files);
    if (!scanned) {
        return false;
    }
    const std::optional<Place> place = find_table(scanned.value(), change.target);
    if (place.has_value() == change.removes) {
        return false;
    }
    for (const Expected& expected : change.expected) {
        if (!holds(find_entry(scanned.value(), *place, expected.key), expected)) {
            return false;
        }
    }
    return order_of(after, change) ==
               (change.order.empty() ? order_of(change.before.rules, change) : change.order) &&
           rest_of(after, change) == rest_of(change.before.rules, change);
}

} // namespace

Verified verify(Change change, const ReadFiles& read) {
    Verified verified;
    while (true) {
        const Applied applied = apply(change.scanned, change.pieces);
        const Parsed after = parse_all(applied.files, read);
        std::string unfinished;
        verified.refusal = new_errors(change, applied, after, unfinished);
        if (verified.refusal) {
            return verified;
        }
        if (pin_follower(change, after.rules, verified.summary)) {
            continue;
        }
        if (!as_meant(change, applied, after.rules)) {
            verified.refusal = {0, 0, 0, "the edit would change more than this; nothing was done",
                                "edit the file by hand"};
            return verified;
        }
        if (!unfinished.empty()) {
            verified.summary += (verified.summary.empty() ? "" : "\n") + unfinished;
        }
        verified.files = applied.files;
        return verified;
    }
}

Parsed parse_all(const std::vector<SourceFile>& files, const ReadFiles& read) {
    if (files.empty()) {
        return parse({}, read);
    }
    const ReadFiles overlaid = [&](std::string_view from,
                                   std::string_view pattern) -> Result<std::vector<SourceFile>> {
        std::vector<SourceFile> found = TRY(read(from, pattern));
        for (SourceFile& file : found) {
            for (const SourceFile& edited : files) {
                if (edited.path == file.path) {
                    file.text = edited.text;
                }
            }
        }
        return found;
    };
    return parse(files.front(), overlaid);
}

std::vector<std::string> names_of(const RuleSet& rules, Table table) {
    switch (table) {
    case Table::rule:
        return names(rules.rules);
    case Table::set:
        return names(rules.sets);
    case Table::zone:
        return names(rules.zones);
    case Table::inspect:
        return names(rules.inspects);
    case Table::limit:
        return names(rules.limits);
    case Table::host:
    case Table::defaults:
    case Table::safety:
    case Table::flows:
    case Table::guard:
        return {};
    }
    return {};
}

} // namespace pc::edit
