// SPDX-License-Identifier: GPL-3.0-or-later
// Golden files: what the product prints, kept beside the case and reviewed as a diff.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace pc::golden {

enum class Mode { compare, update };

[[nodiscard]] inline std::optional<std::string> read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return std::nullopt;
    }
    return std::string(std::istreambuf_iterator<char>(file), {});
}

// Names of the cases in the current folder: "x" for each x.toml.
[[nodiscard]] inline std::vector<std::string> cases() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(".")) {
        if (entry.path().extension() == ".toml") {
            names.push_back(entry.path().stem().string());
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

// What differs between the golden file and `text`, in a line; empty if nothing does. No text means
// that there must be no file. With Mode::update the file is made to be so.
[[nodiscard]] inline std::string check(const std::string& path,
                                       const std::optional<std::string>& text, Mode mode) {
    const std::optional<std::string> golden = read(path);
    if (golden == text) {
        return {};
    }
    if (mode == Mode::update) {
        std::filesystem::remove(path);
        if (text) {
            std::ofstream(path, std::ios::binary) << *text;
        }
        return {};
    }
    if (!golden || !text) {
        return path + (golden ? " should not be there" : " is missing");
    }
    const auto differs = std::mismatch(golden->begin(), golden->end(), text->begin(), text->end());
    const auto line = std::count(golden->begin(), differs.first, '\n') + 1;
    return path + ":" + std::to_string(line) + " is not what is printed now";
}

} // namespace pc::golden
