// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/log_file.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace pc::inspect {

Result<LogFile> LogFile::open(std::string path) {
    LogFile log(std::move(path));
    if (const size_t slash = log.path_.rfind('/'); slash != std::string::npos && slash > 0) {
        // Ignoring: it is there as a rule, and if it cannot be made the next step says so.
        (void)mkdir(log.path_.substr(0, slash).c_str(), 0750);
    }
    TRY(log.reopen());
    return log;
}

Result<void> LogFile::reopen() {
    TRY(flush());
    Fd fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640));
    if (!fd.valid()) {
        const int err = errno;
        return Error{err, fmt::format("open {}: {}", path_, strerror(err))};
    }
    fd_ = std::move(fd);
    return {};
}

Result<void> LogFile::flush() {
    std::string_view rest = pending_;
    while (!rest.empty()) {
        const ssize_t written = write(fd_.get(), rest.data(), rest.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            const int err = errno;
            pending_.clear();
            return Error{err, fmt::format("write {}: {}", path_, strerror(err))};
        }
        rest.remove_prefix(static_cast<size_t>(written));
    }
    pending_.clear();
    return {};
}

} // namespace pc::inspect
