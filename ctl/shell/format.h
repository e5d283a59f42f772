// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers, times and tables as people read them. Pure: the clock comes in as an argument.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pc::shell {

[[nodiscard]] std::string format_count(uint64_t number);     // 44,120  910k  9.10M  1.20G
[[nodiscard]] std::string format_bytes(uint64_t bytes);      // 812  9.1k  4.9G
[[nodiscard]] std::string format_age(double seconds);        // now  0.2s  3s  12m  2h  8d
[[nodiscard]] std::string format_duration(uint64_t seconds); // 12d 04:11, 04:11:20

// "2026-11-20T14:02:09Z" as seconds since 1970.
[[nodiscard]] std::optional<int64_t> parse_time(std::string_view iso);
// In local time: "2026-11-20 14:02:09".
[[nodiscard]] std::string format_time(int64_t seconds);
[[nodiscard]] std::string format_clock(int64_t seconds); // "14:02:09"

enum class Color : uint8_t { none, red, green, yellow, cyan, bold, dim };

[[nodiscard]] std::string colored(std::string_view text, Color color);

// Columns on a terminal, not bytes: what UTF-8 continues does not count.
[[nodiscard]] size_t width_of(std::string_view text);

// The text with everything that a terminal would obey (escape sequences) made visible.
[[nodiscard]] std::string printable(std::string_view text);

struct Cell {
    std::string text;
    Color color = Color::none;

    Cell(std::string cell_text = "", Color cell_color = Color::none) // NOLINT: implicit
        : text(std::move(cell_text)), color(cell_color) {}

    Cell(const char* cell_text) : text(cell_text) {} // NOLINT: implicit
};

enum class Align : uint8_t { left, right };

struct Column {
    std::string_view title;
    Align align = Align::left;
};

// Columns as wide as their contents; columns that nothing fills are left out when they are optional
// (a title that ends in '?').
class TextTable {
public:
    explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

    void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }

    [[nodiscard]] bool is_empty() const { return rows_.empty(); }

    [[nodiscard]] std::string print(bool with_color) const;

private:
    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
};

} // namespace pc::shell
