// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/dynamic_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "ctl/daemon/revisions.h"
#include "ctl/kern/fd.h"
#include "ctl/protocol/protocol.h"

namespace pc::daemon {
namespace {

using protocol::Json;

// Lines of the past that are not worth a new file.
constexpr size_t stale_lines_max = 1024;
constexpr int mode = 0640;

Error failed(std::string_view verb, const std::string& path) {
    const int err = errno;
    return Error{err, std::string(verb) + " " + path + ": " + std::strerror(err)};
}

int64_t number_in(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

std::string text_in(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

DynamicEntry entry_in(const Json& object) {
    return {number_in(object, "until"), number_in(object, "since"), text_in(object, "comment"),
            text_in(object, "who")};
}

std::string line_of(const Prefix& prefix, const DynamicEntry* entry) {
    Json object{{entry == nullptr ? "removed" : "prefix", to_string(prefix)}};
    if (entry != nullptr) {
        object["until"] = entry->until;
        object["since"] = entry->since;
        object["comment"] = entry->comment;
        object["who"] = entry->who;
    }
    return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// False: the line says nothing that is known.
bool obey(const std::string& line, DynamicEntries& entries) {
    const Json object = Json::parse(line, nullptr, false);
    if (!object.is_object()) {
        return false;
    }
    const bool removed = object.contains("removed");
    const ParsedPrefix parsed = parse_prefix(text_in(object, removed ? "removed" : "prefix"));
    if (parsed.error != PrefixError::none) {
        return false;
    }
    if (removed) {
        entries.erase(parsed.prefix);
    } else {
        entries[parsed.prefix] = entry_in(object);
    }
    return true;
}

} // namespace

Result<DynamicFile::Loaded> DynamicFile::load() {
    Loaded loaded;
    const auto text = read_text(path_);
    if (!text && text.error().err == ENOENT) {
        return loaded;
    }
    if (!text) {
        return text.error();
    }
    size_t bad = 0;
    std::string_view rest = text.value();
    for (lines_ = 0; !rest.empty(); ++lines_) {
        const size_t end = rest.find('\n');
        const bool read = obey(std::string(rest.substr(0, end)), loaded.entries);
        // The machine may have stopped within the last line: its change was never answered.
        bad += read || end == std::string_view::npos ? 0 : 1;
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    is_sound_ = text.value().empty() || text.value().ends_with('\n');
    if (bad != 0) {
        loaded.complaint = std::to_string(bad) + " of " + std::to_string(lines_) + " lines of " +
                           path_ + " cannot be read; kept as " + path_ + ".bad";
        if (std::rename(path_.c_str(), (path_ + ".bad").c_str()) != 0) {
            return failed("rename", path_);
        }
        TRY(rewrite(loaded.entries));
    }
    return loaded;
}

Result<void> DynamicFile::change(const DynamicEntries& entries, const Prefix& prefix) {
    if (!is_sound_ || lines_ > 2 * entries.size() + stale_lines_max) {
        return rewrite(entries);
    }
    const auto entry = entries.find(prefix);
    const auto appended =
        append(line_of(prefix, entry == entries.end() ? nullptr : &entry->second));
    return appended ? appended : rewrite(entries); // somebody may have removed the file
}

Result<void> DynamicFile::tidy(const DynamicEntries& entries) {
    return lines_ > 2 * entries.size() + stale_lines_max ? rewrite(entries) : Result<void>();
}

Result<void> DynamicFile::rewrite(const DynamicEntries& entries) {
    std::string text;
    for (const auto& [prefix, entry] : entries) {
        text += line_of(prefix, &entry);
    }
    TRY(write_file(path_, text, mode));
    lines_ = entries.size();
    is_sound_ = true;
    return {};
}

Result<void> DynamicFile::remove() {
    lines_ = 0;
    is_sound_ = false;
    if (unlink(path_.c_str()) != 0 && errno != ENOENT) {
        return failed("remove", path_);
    }
    return {};
}

Result<void> DynamicFile::append(const std::string& line) {
    const Fd fd(open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    if (!fd.valid()) {
        return failed("open", path_);
    }
    is_sound_ = false; // until all of it is there
    const ssize_t written = write(fd.get(), line.data(), line.size());
    if (written < 0 || static_cast<size_t>(written) != line.size()) {
        errno = written < 0 ? errno : ENOSPC;
        return failed("write", path_);
    }
    if (fdatasync(fd.get()) != 0) {
        return failed("sync", path_);
    }
    is_sound_ = true;
    ++lines_;
    return {};
}

Result<DynamicEntries> read_old_blocks(const std::string& text) {
    const Json object = Json::parse(text, nullptr, false);
    if (!object.is_object()) {
        return Error{EINVAL, "it is not JSON"};
    }
    DynamicEntries entries;
    for (const auto& [name, value] : object.items()) {
        const ParsedPrefix parsed = parse_prefix(name);
        if (parsed.error == PrefixError::none && value.is_object()) {
            entries[parsed.prefix] = entry_in(value);
        }
    }
    return entries;
}

} // namespace pc::daemon
