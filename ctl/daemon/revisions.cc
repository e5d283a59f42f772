// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/revisions.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "ctl/kern/fd.h"
#include "ctl/protocol/protocol.h"

namespace pc::daemon {
namespace {

using protocol::Json;

constexpr size_t revisions_max = 1000;

Error failed(std::string_view verb, const std::string& path) {
    const int err = errno;
    return Error{err, fmt::format("{} {}: {}", verb, path, std::strerror(err))};
}

Result<void> make_folder(const std::string& path, mode_t mode) {
    if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
        return failed("make", path);
    }
    return {};
}

std::string folder_of(const std::string& path) {
    const std::string parent = std::filesystem::path(path).parent_path().string();
    return parent.empty() ? "." : parent;
}

Result<void> sync_folder(const std::string& path) {
    const Fd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.valid() || fsync(folder.get()) != 0) {
        return failed("sync", path);
    }
    return {};
}

Result<void> write_synced(const std::string& path, const std::string& text, int mode) {
    const Fd fd(
        open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, static_cast<mode_t>(mode)));
    if (!fd.valid()) {
        return failed("write", path);
    }
    for (size_t done = 0; done < text.size();) {
        const ssize_t written = write(fd.get(), text.data() + done, text.size() - done);
        if (written < 0 && errno != EINTR) {
            return failed("write", path);
        }
        done += written > 0 ? static_cast<size_t>(written) : 0;
    }
    if (fsync(fd.get()) != 0) {
        return failed("sync", path);
    }
    return {};
}

std::optional<uint64_t> parse_number(std::string_view text) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

std::string string_in(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

} // namespace

Result<void> replace_file(const std::string& path, const std::string& text, int mode) {
    const std::string beside = path + ".new";
    const auto written = write_synced(beside, text, mode);
    if (!written) {
        (void)unlink(beside.c_str()); // ignoring: the first error counts
        return written;
    }
    if (rename(beside.c_str(), path.c_str()) != 0) {
        const Error error = failed("rename to", path);
        (void)unlink(beside.c_str()); // ignoring: the first error counts
        return error;
    }
    return {};
}

Result<void> write_file(const std::string& path, const std::string& text, int mode) {
    TRY(replace_file(path, text, mode));
    return sync_folder(folder_of(path));
}

Result<std::string> read_text(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        return failed("read", path);
    }
    std::ostringstream text;
    text << in.rdbuf();
    if (in.bad()) {
        return failed("read", path);
    }
    return text.str();
}

Result<Revisions> Revisions::open(std::string state_dir) {
    TRY(make_folder(state_dir, 0750));
    TRY(make_folder(state_dir + "/history", 0750));
    return Revisions(std::move(state_dir));
}

std::string Revisions::path_of(uint64_t number) const {
    return fmt::format("{}/history/{}.json", folder_, number);
}

Result<void> Revisions::store(const Revision& revision) const {
    Json files = Json::array();
    for (const SourceFile& file : revision.files) {
        files.push_back({{"path", file.path}, {"text", file.text}});
    }
    const Json object{{"revision", revision.number}, {"time", revision.time},
                      {"who", revision.who},         {"via", revision.via},
                      {"comment", revision.comment}, {"files", std::move(files)}};
    TRY(write_file(path_of(revision.number),
                   object.dump(1, ' ', false, Json::error_handler_t::replace) + "\n", 0640));
    const auto known = numbers();
    for (size_t i = revisions_max; i < known.size(); ++i) {
        forget(known[i]);
    }
    return {};
}

void Revisions::forget(uint64_t number) const {
    (void)unlink(path_of(number).c_str()); // ignoring: a revision too many does no harm
}

Result<Revision> Revisions::load(uint64_t number) const {
    const Json object = Json::parse(TRY(read_text(path_of(number))), nullptr, false);
    const auto files = object.is_object() ? object.find("files") : object.end();
    if (!object.is_object() || files == object.end() || !files->is_array() || files->empty()) {
        return Error{EINVAL,
                     fmt::format("revision {} cannot be read: {}", number, path_of(number))};
    }
    Revision revision{number,
                      string_in(object, "time"),
                      string_in(object, "who"),
                      string_in(object, "via"),
                      string_in(object, "comment"),
                      {}};
    for (const Json& file : *files) {
        if (file.is_object()) {
            revision.files.push_back({string_in(file, "path"), string_in(file, "text")});
        }
    }
    return revision;
}

std::vector<uint64_t> Revisions::numbers() const {
    std::vector<uint64_t> numbers;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/history", error)) {
        const auto number = parse_number(entry.path().stem().string());
        if (number && entry.path().extension() == ".json") {
            numbers.push_back(*number);
        }
    }
    std::sort(numbers.rbegin(), numbers.rend());
    return numbers;
}

uint64_t Revisions::next() const {
    const auto known = numbers();
    const uint64_t newest = known.empty() ? 0 : known.front();
    return std::max(newest, current().value_or(0)) + 1;
}

Result<void> Revisions::set_current(uint64_t number) const {
    return replace_file(folder_ + "/current", std::to_string(number) + "\n", 0640);
}

Result<void> Revisions::set_last_good(uint64_t number) const {
    return replace_file(folder_ + "/last-good", std::to_string(number) + "\n", 0640);
}

std::optional<uint64_t> Revisions::number_in(const std::string& name) const {
    const auto text = read_text(folder_ + "/" + name);
    if (!text) {
        return std::nullopt;
    }
    std::string_view digits = text.value();
    while (!digits.empty() && digits.back() == '\n') {
        digits.remove_suffix(1);
    }
    return parse_number(digits);
}

std::optional<uint64_t> Revisions::current() const {
    return number_in("current");
}

std::optional<uint64_t> Revisions::last_good() const {
    return number_in("last-good");
}

std::string utc_time(int64_t seconds) {
    const time_t time = seconds;
    tm parts{};
    gmtime_r(&time, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string utc_now() {
    return utc_time(time(nullptr));
}

} // namespace pc::daemon
