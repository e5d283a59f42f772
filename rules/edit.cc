// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/edit.h"

#include <algorithm>
#include <utility>

#include "rules/edit_keys.h"
#include "rules/edit_order.h"
#include "rules/edit_text.h"
#include "rules/edit_verify.h"
#include "rules/words.h"

namespace pc {
namespace edit {
namespace {

std::string padded(const std::string& key, size_t width) {
    return key.size() < width ? key + std::string(width - key.size(), ' ') : key;
}

void write_value(Piece& piece, const Assignment& value, bool as_list) {
    piece.write(as_list ? "[" : "");
    for (size_t i = 0; i < value.items.size(); ++i) {
        piece.write(i == 0 ? "" : ", ");
        piece.write(value.items[i].toml, value.items[i].at);
    }
    piece.write(as_list ? "]" : "");
}

void write_line(Piece& piece, const Assignment& value, const NewLine& layout) {
    const std::string key(value.key->name);
    piece.write(layout.indent);
    piece.write(key, {value.word, 0, key.size()});
    piece.write(padded(key, layout.key_width).substr(key.size()) + " = ");
    write_value(piece, value, value.items.size() > 1 || value.is_bracketed);
    piece.write(layout.end);
}

bool holds(const TextEntry& entry, const Assignment& value) {
    return std::equal(entry.items.begin(), entry.items.end(), value.items.begin(),
                      value.items.end(),
                      [](const TextItem& a, const ValueItem& b) { return a.text == b.text; });
}

// Two ways to write one prefix are one value: "10.0.0.1" and "10.0.0.1/32".
bool same_item(const std::string& a, const std::string& b) {
    if (a == b) {
        return true;
    }
    const ParsedPrefix first = parse_prefix(a);
    const ParsedPrefix second = parse_prefix(b);
    return first.error == PrefixError::none && second.error == PrefixError::none &&
           first.prefix == second.prefix;
}

const TextItem* item_of(const TextEntry& entry, const std::string& text) {
    const auto found =
        std::find_if(entry.items.begin(), entry.items.end(),
                     [&](const TextItem& item) { return same_item(item.text, text); });
    return found == entry.items.end() ? nullptr : &*found;
}

} // namespace

// One edit from its words to text that is proven to mean it.
class Editor {
public:
    Editor(const std::vector<SourceFile>& files, std::span<const std::string> words,
           const ReadFiles& read)
        : files_(files), words_(words), read_(read) {}

    Edited set() {
        if (!find_target(Making::allowed) || !read_pairs()) {
            return refused();
        }
        for (const Assignment& each : assignments_) {
            expect(each, Expected::How::exactly);
            const TextEntry* entry = place_ ? entry_of(each) : nullptr;
            if (entry != nullptr && !holds(*entry, each)) {
                replace(*entry, each);
            }
        }
        write_new_lines();
        return finish(Followers::keep_priority);
    }

    Edited add() {
        if (!find_target(Making::allowed) || !read_pairs()) {
            return refused();
        }
        for (const Assignment& each : assignments_) {
            if (!is_list(each.key->form)) {
                refuse(each.word, "'" + std::string(each.key->name) + "' holds one value",
                       "`set` replaces it");
                return refused();
            }
            const TextEntry* entry = place_ ? entry_of(each) : nullptr;
            if (entry != nullptr) {
                extend(*entry, each);
            }
        }
        write_new_lines();
        return finish(Followers::keep_priority);
    }

    Edited remove() {
        if (!find_target(Making::refused)) {
            return refused();
        }
        const size_t at = first_pair();
        if (at == words_.size()) {
            pieces_ = pieces_without(scanned_, target_, *place_);
            gone_ = true;
            return finish(Followers::keep_order);
        }
        if (!remove_key(at)) {
            return refused();
        }
        return finish(Followers::keep_priority);
    }

    Edited insert() {
        if (!find_target(Making::refused)) {
            return refused();
        }
        if (target_.table != Table::rule || words_.size() != 4 ||
            (words_[2] != "before" && words_[2] != "after")) {
            refuse(std::min<size_t>(words_.size(), 2),
                   "'before' or 'after' and a rule are expected", "insert rule NAME before NAME");
            return refused();
        }
        const Target other{Table::rule, words_[3]};
        const std::optional<Place> beside = find_table(scanned_, other);
        if (!beside) {
            refuse(3, unknown("rule", words_[3], names_of(before_.rules, Table::rule)), "");
            return refused();
        }
        if (target_.name == other.name) {
            refuse(3, "a rule cannot stand beside itself", "");
            return refused();
        }
        Result<Order> order = reorder({scanned_, before_.rules, *place_, *beside, target_.name,
                                       other.name, words_[2] == "before"});
        if (!order) {
            refuse(3, order.error().message, "");
            return refused();
        }
        summary_ = order.value().summary;
        pieces_ = order.value().pieces;
        order_ = order.value().names;
        renumbered_ = order.value().renumbered;
        return finish(order.value().moves_text ? Followers::keep_order : Followers::keep_priority);
    }

private:
    enum class Making : uint8_t { allowed, refused };

    void refuse(size_t word, std::string message, std::string help) {
        refusal_ = {word, 0, 0, std::move(message), std::move(help)};
    }

    [[nodiscard]] Edited refused() const { return {files_, "", refusal_}; }

    [[nodiscard]] size_t first_pair() const { return has_name(target_.table) ? 2 : 1; }

    [[nodiscard]] const TextEntry* entry_of(const Assignment& assignment) const {
        return find_entry(scanned_, *place_, assignment.key->name);
    }

    bool find_target(Making making) {
        Result<std::vector<ScannedFile>> scanned = scan_files(files_);
        if (!scanned) {
            refuse(0, "the configuration cannot be edited: " + scanned.error().message,
                   "correct the file by hand");
            return false;
        }
        scanned_ = scanned.take();
        before_ = parse_all(files_, read_);
        const std::string kind = words_.empty() ? "" : words_[0];
        const std::optional<Table> table = table_named(kind);
        if (!table) {
            refuse(0,
                   kind.empty()
                       ? "what to change is missing"
                       : unknown("table", kind,
                                 {"rule", "set", "zone", "inspect", "host", "defaults", "safety"}),
                   "rule, set, zone, inspect, host, defaults, safety");
            return false;
        }
        target_.table = *table;
        if (has_name(*table) && words_.size() < 2) {
            refuse(1, "the name of the " + kind + " is missing", "");
            return false;
        }
        target_.name = has_name(*table) ? words_[1] : "";
        place_ = find_table(scanned_, target_);
        const std::optional<std::string> otherwise = written_otherwise(scanned_, target_);
        if (!place_ && otherwise) {
            refuse(first_pair() - 1, "this is written without a header of its own at " + *otherwise,
                   "edit the file by hand");
            return false;
        }
        if (!place_ && making == Making::refused) {
            refuse(first_pair() - 1,
                   has_name(*table) ? unknown(kind, target_.name, names_of(before_.rules, *table))
                                    : "there is no [" + kind + "]",
                   "");
            return false;
        }
        return true;
    }

    bool read_pairs() {
        const size_t from = first_pair();
        if (from == words_.size() && !has_name(target_.table)) {
            refuse(from, "a key is missing", "keys here: " + join(key_names(target_.table), " "));
            return false;
        }
        if (std::optional<Refusal> refusal =
                read_assignments(target_.table, words_, from, assignments_)) {
            refusal_ = std::move(*refusal);
            return false;
        }
        return true;
    }

    void replace(const TextEntry& entry, const Assignment& value) {
        Piece piece{place_->file, entry.value, "", {}};
        write_value(piece, value, value.items.size() > 1 || value.is_bracketed || entry.is_list);
        pieces_.push_back(std::move(piece));
        const bool loses =
            std::any_of(entry.items.begin(), entry.items.end(), [&](const TextItem& old) {
                return std::none_of(value.items.begin(), value.items.end(),
                                    [&](const ValueItem& now) { return now.text == old.text; });
            });
        if (entry.items.size() > 1 && loses) {
            summary_ = "replaced the " + std::to_string(entry.items.size()) + " values of " +
                       std::string(value.key->name) + "; `add` would keep them";
        }
    }

    // Adds what is not there yet behind the last item.
    void extend(const TextEntry& entry, const Assignment& value) {
        Assignment more = value;
        std::erase_if(more.items,
                      [&](const ValueItem& item) { return item_of(entry, item.text) != nullptr; });
        expect(more, Expected::How::among);
        if (more.items.empty()) {
            summary_ = "already there";
            return;
        }
        if (entry.items.empty()) {
            replace(entry, more);
            return;
        }
        const std::string& text = scanned_[place_->file].source.text;
        const Span last = entry.items.back().at;
        if (!entry.is_list) {
            pieces_.push_back({place_->file, {last.begin, last.begin}, "[", {}});
        }
        Piece piece{place_->file, {last.end, last.end}, "", {}};
        // In a list with one item a line, a new item gets its own, under the last one.
        const Span line = edit::lines_of(text, last);
        const size_t start = text.find_first_not_of(" \t", line.begin);
        const bool own_line =
            entry.is_list && start == last.begin && line.begin > entry.value.begin;
        if (own_line) {
            const bool has_comma = text.find(',', last.end) < text.find_first_of("#\n]", last.end);
            pieces_.push_back({place_->file, {last.end, last.end}, has_comma ? "" : ",", {}});
            piece.at = {line.end, line.end};
        }
        for (const ValueItem& item : more.items) {
            piece.write(own_line ? text.substr(line.begin, start - line.begin) : ", ");
            piece.write(item.toml, item.at);
            piece.write(own_line ? ",\n" : "");
        }
        piece.write(entry.is_list ? "" : "]");
        pieces_.push_back(std::move(piece));
    }

    void write_new_lines() {
        const bool any_new =
            std::any_of(assignments_.begin(), assignments_.end(), [&](const Assignment& each) {
                return !place_ || entry_of(each) == nullptr;
            });
        if (!place_) {
            write_new_table();
        } else if (any_new) {
            NewLine layout = new_line(scanned_, *place_);
            for (const Assignment& each : assignments_) {
                if (entry_of(each) == nullptr) {
                    write_line(layout.piece, each, layout);
                }
            }
            pieces_.push_back(std::move(layout.piece));
        }
    }

    void write_new_table() {
        NewTable fresh = new_table(scanned_, target_.table);
        NewLine layout;
        layout.end = fresh.end;
        const WordAt name{1, 0, target_.name.size()};
        for (const Assignment& each : assignments_) {
            layout.key_width = std::max(layout.key_width, each.key->name.size());
        }
        Piece& piece = fresh.piece;
        piece.write(fresh.before);
        if (target_.table == Table::rule) {
            piece.write("[[rule]]" + fresh.end + padded("name", layout.key_width) + " = ");
            piece.write(edit::quote_toml(target_.name), name);
            piece.write(fresh.end);
        } else if (has_name(target_.table)) {
            piece.write("[" + std::string(to_string(target_.table)) + ".");
            piece.write(is_bare_key(target_.name) ? target_.name : edit::quote_toml(target_.name),
                        name);
            piece.write("]" + fresh.end);
        } else {
            piece.write("[" + std::string(to_string(target_.table)) + "]" + fresh.end);
        }
        for (const Assignment& each : assignments_) {
            write_line(piece, each, layout);
        }
        piece.write(fresh.after);
        pieces_.push_back(std::move(fresh.piece));
    }

    // delete rule NAME KEY [VALUE...]
    bool remove_key(size_t at) {
        Assignment assignment;
        assignment.key = key_named(target_.table, words_[at]);
        const TextEntry* entry = assignment.key != nullptr ? entry_of(assignment) : nullptr;
        if (assignment.key == nullptr) {
            refuse(at, unknown("key", words_[at], key_names(target_.table)), "");
            return false;
        }
        if (entry == nullptr) {
            refuse(at, "'" + words_[at] + "' is not set here", "");
            return false;
        }
        const size_t key_word = at++;
        if (at == words_.size()) {
            const std::string& text = scanned_[place_->file].source.text;
            const Span lines = edit::lines_of(text, {entry->key.begin, entry->value.end});
            pieces_.push_back({place_->file, lines, "", {}});
            expect(assignment, Expected::How::absent);
            return true;
        }
        while (at < words_.size()) {
            if (std::optional<Refusal> refusal = read_value(words_, at, assignment)) {
                refusal_ = std::move(*refusal);
                return false;
            }
        }
        return remove_items(*entry, assignment, key_word);
    }

    bool remove_items(const TextEntry& entry, const Assignment& values, size_t key_word) {
        std::vector<size_t> doomed;
        for (const ValueItem& value : values.items) {
            const TextItem* item = item_of(entry, value.text);
            if (item == nullptr) {
                std::vector<std::string> present;
                for (const TextItem& each : entry.items) {
                    present.push_back(each.text);
                }
                refusal_ = {value.at.word, value.at.offset, value.at.length,
                            unknown("value", value.text, present),
                            words_[key_word] + " holds " + join(present, ", ", 8)};
                return false;
            }
            doomed.push_back(static_cast<size_t>(item - entry.items.data()));
        }
        std::sort(doomed.begin(), doomed.end());
        doomed.erase(std::unique(doomed.begin(), doomed.end()), doomed.end());
        if (doomed.size() == entry.items.size()) {
            // Without its last value a condition would hold for every packet: that is asked for
            // by name.
            const std::string name = has_name(target_.table) ? target_.name + " " : "";
            refuse(values.items.front().at.word,
                   "'" + words_[key_word] + "' would hold nothing then",
                   "`delete " + std::string(to_string(target_.table)) + " " + name +
                       words_[key_word] + "` removes the key: any value matches then");
            return false;
        }
        for (const Span& span : spans_of_items(scanned_[place_->file].source.text, entry, doomed)) {
            pieces_.push_back({place_->file, span, "", {}});
        }
        expect(values, Expected::How::absent);
        return true;
    }

    Edited finish(Followers followers) {
        Verified verified =
            verify({scanned_, before_, target_, std::move(pieces_), followers, gone_,
                    std::move(expected_), std::move(order_), std::move(renumbered_)},
                   read_);
        if (verified.refusal) {
            refusal_ = std::move(*verified.refusal);
            return refused();
        }
        if (!verified.summary.empty()) {
            summary_ += (summary_.empty() ? "" : "\n") + verified.summary;
        }
        return {std::move(verified.files), summary_, std::nullopt};
    }

    void expect(const Assignment& assignment, Expected::How how) {
        Expected expected{std::string(assignment.key->name), {}, how};
        for (const ValueItem& item : assignment.items) {
            expected.items.push_back(item.text);
        }
        expected_.push_back(std::move(expected));
    }

    static bool is_bare_key(const std::string& name) {
        return !name.empty() &&
               name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789_-") == std::string::npos;
    }

    const std::vector<SourceFile>& files_;
    std::span<const std::string> words_;
    const ReadFiles& read_;
    std::vector<ScannedFile> scanned_;
    Parsed before_;
    Target target_;
    std::optional<Place> place_;
    std::vector<Assignment> assignments_;
    std::vector<Piece> pieces_;
    std::vector<Expected> expected_;
    std::vector<std::string> order_;      // of all rules, when the edit changes it
    std::vector<std::string> renumbered_; // by that
    bool gone_ = false;                   // the edit removes the target
    std::string summary_;
    Refusal refusal_;
};

} // namespace edit

Edited edit_set(const std::vector<SourceFile>& files, std::span<const std::string> words,
                const ReadFiles& read) {
    return edit::Editor(files, words, read).set();
}

Edited edit_add(const std::vector<SourceFile>& files, std::span<const std::string> words,
                const ReadFiles& read) {
    return edit::Editor(files, words, read).add();
}

Edited edit_delete(const std::vector<SourceFile>& files, std::span<const std::string> words,
                   const ReadFiles& read) {
    return edit::Editor(files, words, read).remove();
}

Edited edit_insert(const std::vector<SourceFile>& files, std::span<const std::string> words,
                   const ReadFiles& read) {
    return edit::Editor(files, words, read).insert();
}

} // namespace pc
