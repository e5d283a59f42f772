// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/options.h"

#include <cstddef>
#include <string_view>

namespace pc::shell {
namespace {

// Takes an option that stands alone; false if it is none.
bool take_flag(std::string_view word, Options& options) {
    if (word == "--json") {
        options.json = true;
    } else if (word == "--no-color") {
        options.no_color = true;
    } else if (word == "--abbrev") {
        options.abbreviates = true;
    } else if (word == "--help" || word == "-h") {
        options.help = true;
    } else if (word == "--version" || word == "-V") {
        options.version = true;
    } else {
        return false;
    }
    return true;
}

} // namespace

Result<Options> parse_options(std::span<const std::string> arguments,
                              const char* run_dir_of_environment) {
    Options options;
    if (run_dir_of_environment != nullptr && *run_dir_of_environment != '\0') {
        options.run_dir = run_dir_of_environment;
    }
    for (size_t i = 0; i < arguments.size(); ++i) {
        const std::string& word = arguments[i];
        const bool has_command = !options.words.empty();
        if (word == "__complete") {
            options.words.assign(arguments.begin() + static_cast<long>(i), arguments.end());
            return options;
        }
        if (word == "--") {
            options.words.insert(options.words.end(), arguments.begin() + static_cast<long>(i) + 1,
                                 arguments.end());
            return options;
        }
        if (take_flag(word, options)) {
            continue;
        }
        if (word.starts_with("--run-dir=")) {
            options.run_dir = word.substr(word.find('=') + 1);
            continue;
        }
        const bool takes_value =
            word == "--run-dir" || (!has_command && (word == "-c" || word == "-f"));
        if (takes_value) {
            if (++i == arguments.size()) {
                return Error{0, "option '" + word + "' needs a value"};
            }
            if (word == "--run-dir") {
                options.run_dir = arguments[i];
            } else {
                options.scripts.push_back({word == "-f", arguments[i]});
            }
        } else if (!has_command && word.size() > 1 && word.starts_with('-')) {
            return Error{0, "unknown option '" + word + "'"};
        } else {
            options.words.push_back(word);
        }
    }
    if (!options.words.empty() && !options.scripts.empty()) {
        return Error{0, "a command and -c or -f exclude each other"};
    }
    return options;
}

} // namespace pc::shell
