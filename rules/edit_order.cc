// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/edit_order.h"

#include <algorithm>
#include <map>

namespace pc::edit {
namespace {

constexpr int64_t priority_step = 10;

struct Ranked {
    std::string name;
    int64_t priority = 0;
};

Order move_text(const Move& move, Order order) {
    const ScannedFile& file = move.files[move.from.file];
    const std::string& text = file.source.text;
    const Span block = file.toml.tables[move.from.table].lines;
    const Span beside = file.toml.tables[move.beside.table].lines;
    const size_t start = attached_comment(text, block.begin);
    const Span gone = removable_lines(file, move.from.table, start);
    std::string own = text.substr(start, block.end - start);
    if (!own.ends_with('\n')) {
        own += '\n';
    }
    Piece piece{move.from.file, {}, "", {}};
    if (move.before) {
        const size_t at = attached_comment(text, beside.begin);
        piece.at = {at, at};
        piece.write(own + "\n");
    } else {
        piece.at = {beside.end, beside.end};
        piece.write((text[beside.end - 1] == '\n' ? "\n" : "\n\n") + own);
    }
    // Of neighbours, the empty lines that go with the block are those that the piece stands among.
    if (piece.at.begin > gone.begin && piece.at.begin < gone.end) {
        piece.at = {gone.end, gone.end};
    }
    order.pieces.push_back({move.from.file, gone, "", {}});
    order.pieces.push_back(std::move(piece));
    order.moves_text = true;
    order.summary = "moved rule " + move.name + (move.before ? " before " : " after ") + move.other;
    return order;
}

// New priorities, so that `ranked` (in the wanted order, `at` is the moved rule) ascends strictly.
// Upwards first; down when that ends above the largest priority.
bool make_way(std::vector<Ranked>& ranked, size_t at) {
    const std::vector<Ranked> before = ranked;
    for (size_t i = at; i < ranked.size(); ++i) {
        const int64_t above = i == 0 ? -1 : ranked[i - 1].priority;
        if (i == at || ranked[i].priority <= above) {
            ranked[i].priority = above + 1;
        }
    }
    if (ranked.back().priority <= priority_max) {
        return true;
    }
    ranked = before;
    for (size_t i = at + 1; i-- > 0;) {
        const int64_t below =
            i + 1 == ranked.size() ? int64_t{priority_max} + 1 : ranked[i + 1].priority;
        if (i == at || ranked[i].priority >= below) {
            ranked[i].priority = below - 1;
        }
    }
    return ranked.front().priority >= 0;
}

// Beside the rule that was named, five away if there is room, else half way.
bool take_gap(std::vector<Ranked>& ranked, size_t at, bool before) {
    const bool first = at == 0;
    const bool last = at + 1 == ranked.size();
    const int64_t low = first ? -1 : ranked[at - 1].priority;
    const int64_t high = last ? int64_t{priority_max} + 1 : ranked[at + 1].priority;
    int64_t wanted = before ? high - priority_step / 2 : low + priority_step / 2;
    if (last && !before) {
        wanted = low + priority_step;
    }
    if (wanted <= low || wanted >= high) {
        wanted = low + (high - low) / 2;
    }
    ranked[at].priority = wanted;
    return wanted > low && wanted < high;
}

} // namespace

Piece priority_piece(const std::vector<ScannedFile>& files, const Place& place, uint32_t priority) {
    const std::string number = std::to_string(priority);
    if (const TextEntry* entry = find_entry(files, place, "priority")) {
        return {place.file, entry->value, number, {}};
    }
    NewLine layout = new_line_after(files, place, "name");
    std::string key = "priority";
    key.resize(std::max(key.size(), layout.key_width), ' ');
    layout.piece.write(layout.indent + key + " = " + number + layout.end);
    return std::move(layout.piece);
}

Result<Order> reorder(const Move& move) {
    std::vector<Ranked> ranked;
    std::map<std::string, int64_t> was;
    for (const Rule& rule : move.rules.rules) {
        ranked.push_back({rule.name, rule.priority});
        was[rule.name] = rule.priority;
    }
    const auto named = [](const std::string& name) {
        return [&name](const Ranked& each) { return each.name == name; };
    };
    const auto own = std::find_if(ranked.begin(), ranked.end(), named(move.name));
    if (own == ranked.end() || !was.contains(move.other)) {
        return Error{0, "the rule has errors; `check` shows them"};
    }
    const size_t old_place = static_cast<size_t>(own - ranked.begin());
    const Ranked moved = *own;
    ranked.erase(own);
    auto beside = std::find_if(ranked.begin(), ranked.end(), named(move.other));
    const auto at = static_cast<size_t>(beside - ranked.begin()) + (move.before ? 0 : 1);
    ranked.insert(ranked.begin() + static_cast<long>(at), moved);

    Order order;
    for (const Ranked& each : ranked) {
        order.names.push_back(each.name);
    }
    if (at == old_place) {
        order.summary =
            move.name + " is already " + (move.before ? "before " : "after ") + move.other;
        return order;
    }
    const bool by_text = move.from.file == move.beside.file &&
                         find_entry(move.files, move.from, "priority") == nullptr &&
                         find_entry(move.files, move.beside, "priority") == nullptr;
    if (by_text) {
        return move_text(move, std::move(order));
    }
    if (!take_gap(ranked, at, move.before) && !make_way(ranked, at)) {
        return Error{0, "there is no room for another priority"};
    }
    for (const Ranked& each : ranked) {
        if (each.priority == was[each.name]) {
            continue;
        }
        const std::optional<Place> place = find_table(move.files, {Table::rule, each.name});
        if (!place) {
            return Error{0, "rule '" + each.name +
                                "' would have to make way, but is no [[rule]] table"};
        }
        order.pieces.push_back(
            priority_piece(move.files, *place, static_cast<uint32_t>(each.priority)));
        order.renumbered.push_back(each.name);
        order.summary += (order.summary.empty() ? "" : "\n") + ("priority of " + each.name) + ": " +
                         std::to_string(was[each.name]) + " -> " + std::to_string(each.priority);
    }
    return order;
}

} // namespace pc::edit
