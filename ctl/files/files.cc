// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/files/files.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

namespace pc::files {

namespace {

Error failed(int err, const std::string& path) {
    return Error{err, "read " + path + ": " + std::strerror(err)};
}

// Closes at the end of the scope.
class OpenFile {
public:
    explicit OpenFile(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}

    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    OpenFile(OpenFile&&) = delete;
    OpenFile& operator=(OpenFile&&) = delete;

    ~OpenFile() {
        if (fd_ >= 0) {
            close(fd_);
        }
    }

    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_;
};

bool is_glob(std::string_view pattern) {
    return pattern.find_first_of("*?[") != std::string_view::npos;
}

// The folder of `from` stands for itself, even with "*" in its name.
std::string absolute_pattern(std::string_view from, std::string_view pattern) {
    const std::filesystem::path folder = std::filesystem::path(from).parent_path();
    if (pattern.starts_with("/") || folder.empty()) {
        return std::string(pattern);
    }
    std::string escaped;
    for (const char c : folder.string()) {
        if (is_glob(pattern) && std::strchr("*?[\\", c) != nullptr) {
            escaped += '\\';
        }
        escaped += c;
    }
    return escaped + (escaped.ends_with("/") ? "" : "/") + std::string(pattern);
}

// "rules.d/../x" -> "x": diagnostics and cycles go by one name for a file.
std::string normal(const std::string& path) {
    return std::filesystem::path(path).lexically_normal().string();
}

// A folder that is not there holds no files; one that cannot be read is an error.
int glob_failed(const char* /*path*/, int err) noexcept {
    return err == ENOENT || err == ENOTDIR ? 0 : 1;
}

Result<std::vector<std::string>> expand(const std::string& pattern) {
    if (!is_glob(pattern)) {
        return std::vector<std::string>{pattern};
    }
    glob_t found{};
    errno = 0;
    const int status = glob(pattern.c_str(), 0, &glob_failed, &found);
    const int err = errno;
    std::vector<std::string> paths;
    for (size_t i = 0; status == 0 && i < found.gl_pathc; ++i) {
        paths.emplace_back(found.gl_pathv[i]);
    }
    globfree(&found);
    if (status != 0 && status != GLOB_NOMATCH) {
        return failed(status == GLOB_NOSPACE ? ENOMEM : err, pattern);
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

Result<std::vector<SourceFile>> read_matches(const std::string& pattern) {
    std::vector<SourceFile> files;
    for (const std::string& path : TRY(expand(pattern))) {
        files.push_back(TRY(read_file(normal(path))));
    }
    return files;
}

// In lexical order.
std::vector<SourceFile> matches_among(const std::vector<SourceFile>& files,
                                      const std::string& pattern, bool with_glob) {
    std::vector<SourceFile> given;
    for (const SourceFile& file : files) {
        const bool same = with_glob ? fnmatch(normal(pattern).c_str(), normal(file.path).c_str(),
                                              FNM_PATHNAME | FNM_PERIOD) == 0
                                    : normal(pattern) == normal(file.path);
        if (same) {
            given.push_back(file);
        }
    }
    std::sort(given.begin(), given.end(),
              [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
    return given;
}

std::optional<Address> address_of(const sockaddr* from) {
    if (from == nullptr) {
        return std::nullopt;
    }
    Address address;
    if (from->sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, from, sizeof in);
        std::memcpy(address.bytes.data(), &in.sin_addr, sizeof in.sin_addr);
        return address;
    }
    if (from->sa_family == AF_INET6) {
        sockaddr_in6 in6{};
        std::memcpy(&in6, from, sizeof in6);
        address.family = Family::v6;
        std::memcpy(address.bytes.data(), &in6.sin6_addr, sizeof in6.sin6_addr);
        return address;
    }
    return std::nullopt;
}

// The network of an address under a mask.
AddressRange network_of(Address address, const Address& mask) {
    Address last = address;
    for (size_t i = 0; i < static_cast<size_t>(address_bits(address.family)) / 8; ++i) {
        address.bytes[i] &= mask.bytes[i];
        last.bytes[i] |= static_cast<uint8_t>(~mask.bytes[i]);
    }
    return {address, last};
}

// fe80::/10 is every link's: as @local it would make a rule against spoofing cut off IPv6.
bool is_link_local(const Address& address) {
    return address.family == Family::v6 && address.bytes[0] == 0xfe &&
           (address.bytes[1] & 0xc0) == 0x80;
}

void sort_unique(std::vector<AddressRange>& ranges) {
    std::sort(ranges.begin(), ranges.end());
    ranges.erase(std::unique(ranges.begin(), ranges.end()), ranges.end());
}

Date today() {
    const std::chrono::year_month_day date{
        std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now())};
    return Date{static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day())};
}

} // namespace

Result<SourceFile> read_file(const std::string& path) {
    const OpenFile file(path);
    if (file.get() < 0) {
        return failed(errno, path);
    }

    struct stat status {};

    if (fstat(file.get(), &status) != 0) {
        return failed(errno, path);
    }
    if (S_ISDIR(status.st_mode)) {
        return failed(EISDIR, path);
    }
    SourceFile source{path, {}};
    source.text.reserve(
        std::min(static_cast<size_t>(std::max<off_t>(status.st_size, 0)), file_size_max));
    constexpr size_t block = size_t{1} << 16;
    std::vector<char> bytes(block);
    for (;;) {
        const ssize_t count = read(file.get(), bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return failed(errno, path);
        }
        if (count == 0) {
            return source;
        }
        if (source.text.size() + static_cast<size_t>(count) > file_size_max) {
            return failed(EFBIG, path);
        }
        source.text.append(bytes.data(), static_cast<size_t>(count));
    }
}

ReadFiles reader() {
    return [](std::string_view from, std::string_view pattern) {
        return read_matches(absolute_pattern(from, pattern));
    };
}

ReadFiles reader(std::vector<SourceFile> files) {
    return [files = std::move(files)](std::string_view from,
                                      std::string_view text) -> Result<std::vector<SourceFile>> {
        const std::string pattern = absolute_pattern(from, text);
        std::vector<SourceFile> given = matches_among(files, pattern, is_glob(text));
        return given.empty() ? read_matches(pattern) : given;
    };
}

ReadFiles reader_of_given(std::vector<SourceFile> files) {
    return [files = std::move(files)](std::string_view from,
                                      std::string_view text) -> Result<std::vector<SourceFile>> {
        const std::string pattern = absolute_pattern(from, text);
        std::vector<SourceFile> given = matches_among(files, pattern, is_glob(text));
        return given.empty() && !is_glob(text) ? std::vector<SourceFile>{{pattern, ""}} : given;
    };
}

Environment environment() {
    Environment environment;
    environment.today = today();
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) {
        return environment; // nothing is known then, which only costs warnings
    }
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, &freeifaddrs);
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        const auto address = address_of(entry->ifa_addr);
        if (!address) {
            continue;
        }
        environment.self.push_back({*address, *address});
        const auto mask = address_of(entry->ifa_netmask);
        if (mask && (entry->ifa_flags & IFF_LOOPBACK) == 0 && !is_link_local(*address)) {
            environment.local.push_back(network_of(*address, *mask));
        }
    }
    sort_unique(environment.self);
    sort_unique(environment.local);
    return environment;
}

} // namespace pc::files
