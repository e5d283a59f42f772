// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/diagnostic.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace pc {

namespace {

// A longer source line is shown in part, around the carets.
constexpr size_t shown_max = 160;
constexpr size_t shown_before = 60;
constexpr size_t word_max = 64;

size_t count(const Diagnostics& diagnostics, Severity severity) {
    return static_cast<size_t>(
        std::count_if(diagnostics.list.begin(), diagnostics.list.end(),
                      [&](const Diagnostic& d) { return d.severity == severity; }));
}

const SourceFile* file_of(const Location& at, const std::vector<SourceFile>& files) {
    return at.file < files.size() ? &files[at.file] : nullptr;
}

std::string_view line_of(std::string_view text, uint32_t line) {
    for (uint32_t i = 1; i < line; ++i) {
        const size_t end = text.find('\n');
        if (end == std::string_view::npos) {
            return {};
        }
        text.remove_prefix(end + 1);
    }
    text = text.substr(0, text.find('\n'));
    if (!text.empty() && text.back() == '\r') {
        text.remove_suffix(1);
    }
    return text;
}

bool continues_code_point(char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) == 0x80;
}

// Nothing that a file holds may steer the terminal.
std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        out += (byte < ' ' && c != '\t') || byte == 0x7f ? '?' : c;
    }
    return out;
}

std::string header(const Diagnostic& diagnostic, const std::vector<SourceFile>& files) {
    const Location& at = diagnostic.at;
    const SourceFile* file = file_of(at, files);
    std::string text = file == nullptr ? "" : printable(file->path) + ":";
    if (at.line != 0) {
        text += std::to_string(at.line) + ":";
        if (at.col != 0) {
            text += std::to_string(at.col);
            text +=
                at.end_line == at.line && at.end_col != 0 ? "-" + std::to_string(at.end_col) : "";
            text += ":";
        }
    }
    text += text.empty() ? "" : " ";
    text += diagnostic.severity == Severity::error ? "error[" : "warning[";
    return text + diagnostic.code + "]: " + printable(diagnostic.message) + "\n";
}

// The source line, and carets under the place. Empty if the location has no end: then it stands for
// a whole rule or file, and the line would tell nothing.
std::string excerpt(const Location& at, const std::vector<SourceFile>& files) {
    const SourceFile* file = file_of(at, files);
    if (file == nullptr || at.line == 0 || at.col == 0 || at.end_col == 0) {
        return {};
    }
    std::string_view line = line_of(file->text, at.line);
    size_t first = std::min<size_t>(at.col - 1, line.size());
    size_t end = at.end_line == at.line ? std::min<size_t>(at.end_col, line.size()) : line.size();
    std::string before;
    if (line.size() > shown_max && first > shown_before) {
        size_t cut = first - shown_before;
        while (cut < first && continues_code_point(line[cut])) {
            ++cut;
        }
        before = "...";
        line.remove_prefix(cut);
        first -= cut;
        end -= std::min(end, cut);
    }
    std::string after;
    if (line.size() > shown_max) {
        line = line.substr(0, shown_max);
        after = "...";
    }
    end = std::min(std::max(end, first + 1), std::max(line.size(), first + 1));
    std::string carets(before.size(), ' ');
    for (size_t i = 0; i < end; ++i) {
        const char c = i < line.size() ? line[i] : ' ';
        if (!continues_code_point(c)) {
            carets += i >= first ? '^' : c == '\t' ? '\t' : ' ';
        }
    }
    return before + printable(line) + after + "\n" + carets + "\n";
}

std::string counted(size_t number, std::string_view word) {
    return std::to_string(number) + " " + std::string(word) + (number == 1 ? "" : "s");
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Damerau-Levenshtein (optimal string alignment), not regarding case.
size_t distance(std::string_view a, std::string_view b) {
    std::vector<size_t> before;
    std::vector<size_t> above(b.size() + 1);
    std::iota(above.begin(), above.end(), size_t{0});
    for (size_t i = 1; i <= a.size(); ++i) {
        std::vector<size_t> row(b.size() + 1, i);
        for (size_t j = 1; j <= b.size(); ++j) {
            const bool same = lower(a[i - 1]) == lower(b[j - 1]);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1])) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        before = std::move(above);
        above = std::move(row);
    }
    return above.back();
}

} // namespace

bool Diagnostics::has_errors() const {
    return count(*this, Severity::error) != 0;
}

void Diagnostics::add(Diagnostic diagnostic) {
    if (count(*this, diagnostic.severity) >= diagnostics_max) {
        truncated = true;
        return;
    }
    list.push_back(std::move(diagnostic));
}

void sort(Diagnostics& diagnostics) {
    const auto key = [](const Diagnostic& d) {
        return std::tuple(d.at.file, d.at.line, d.at.col, d.severity);
    };
    std::stable_sort(diagnostics.list.begin(), diagnostics.list.end(),
                     [&](const Diagnostic& a, const Diagnostic& b) { return key(a) < key(b); });
}

std::string render(const Diagnostics& diagnostics, const std::vector<SourceFile>& files,
                   std::string_view ending) {
    if (diagnostics.list.empty()) {
        return {};
    }
    std::string text;
    for (const Diagnostic& diagnostic : diagnostics.list) {
        text += header(diagnostic, files) + excerpt(diagnostic.at, files);
        for (const Note& note : diagnostic.notes) {
            text += "note: " + printable(note.text) + "\n";
        }
        text += diagnostic.help.empty() ? "" : "help: " + printable(diagnostic.help) + "\n";
        text += "\n";
    }
    const size_t errors = count(diagnostics, Severity::error);
    const size_t warnings = count(diagnostics, Severity::warning);
    text += errors != 0 ? counted(errors, "error") : "";
    text += errors != 0 && warnings != 0 ? ", " : "";
    text += warnings != 0 ? counted(warnings, "warning") : "";
    text += diagnostics.truncated ? " and more, not shown" : "";
    text += ending.empty() ? "" : "; " + std::string(ending);
    return text + "\n";
}

std::string place(const Location& at, const std::vector<SourceFile>& files) {
    const SourceFile* file = file_of(at, files);
    const std::string path = file == nullptr ? "" : file->path;
    return at.line == 0 ? path : path + ":" + std::to_string(at.line);
}

std::vector<std::string> did_you_mean(std::string_view word,
                                      const std::vector<std::string>& candidates) {
    constexpr size_t offers_max = 3;
    constexpr size_t short_word = 5;
    if (word.empty() || word.size() > word_max) {
        return {};
    }
    const size_t limit = word.size() < short_word ? 1 : 2;
    std::vector<std::pair<size_t, std::string>> found;
    std::vector<std::string> begun;
    for (const std::string& candidate : candidates) {
        const size_t longer = std::max(candidate.size(), word.size());
        const size_t shorter = std::min(candidate.size(), word.size());
        const size_t steps = longer - shorter > limit ? limit + 1 : distance(word, candidate);
        if (steps <= limit) {
            found.emplace_back(steps, candidate);
        } else if (candidate.starts_with(word)) {
            begun.push_back(candidate);
        }
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<std::string> offers;
    for (auto& [steps, candidate] : found) {
        if (offers.size() < offers_max && steps == found.front().first &&
            std::find(offers.begin(), offers.end(), candidate) == offers.end()) {
            offers.push_back(std::move(candidate));
        }
    }
    if (begun.size() == 1 && offers.size() < offers_max) {
        offers.push_back(std::move(begun.front()));
    }
    return offers;
}

} // namespace pc
