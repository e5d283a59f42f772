// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/kern/pins.h"

#include <cerrno>
#include <memory>

#include <bpf/bpf.h>
#include <dirent.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "ctl/kern/libbpf_log.h"

namespace pc {
namespace {

// A name on a bpffs may not contain a dot.
constexpr std::string_view unpublished = "_new";

Result<bool> is_on_bpffs(const std::string& path) {
    struct statfs fs {};

    if (statfs(path.c_str(), &fs) != 0) {
        return system_error("look at " + path);
    }
    return static_cast<uint64_t>(fs.f_type) == BPF_FS_MAGIC;
}

std::string parent_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

struct CloseDir {
    void operator()(DIR* dir) const { (void)closedir(dir); } // ignoring: it was only read
};

} // namespace

Result<PinDir> PinDir::open(std::string path) {
    while (path.size() > 1 && path.back() == '/') {
        path.pop_back();
    }

    struct stat st {};

    const bool there = stat(path.c_str(), &st) == 0;
    const std::string parent = parent_of(path);
    const auto on_bpffs = is_on_bpffs(there ? path : parent);
    if (!on_bpffs || !on_bpffs.value()) {
        const std::string mount_point = parent == "." ? path : parent;
        return Error{ENODEV, path + " is not on a BPF file system; mount one: mount -t bpf bpf " +
                                 mount_point};
    }
    if (!there && mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        return system_error("make " + path);
    }
    return PinDir(std::move(path));
}

std::string PinDir::path_of(std::string_view name) const {
    return path_ + "/" + std::string(name);
}

bool PinDir::has(std::string_view name) const {
    struct stat st {};

    return stat(path_of(name).c_str(), &st) == 0;
}

Result<Fd> PinDir::get(std::string_view name) const {
    const int fd = bpf_obj_get(path_of(name).c_str());
    if (fd < 0) {
        return library_error(fd, "open pin " + path_of(name));
    }
    return Fd(fd);
}

Result<void> PinDir::publish(int fd, std::string_view name) const {
    const std::string to = path_of(name);
    const std::string from = to + std::string(unpublished);
    (void)unlink(from.c_str()); // ignoring: left over by a crash, mostly not there
    const int result = bpf_obj_pin(fd, from.c_str());
    if (result != 0) {
        return library_error(result, "pin " + to);
    }
    if (rename(from.c_str(), to.c_str()) != 0) {
        const Error error = system_error("pin " + to);
        (void)unlink(from.c_str()); // ignoring: the first error counts
        return error;
    }
    return {};
}

Result<void> PinDir::unpin(std::string_view name) const {
    if (unlink(path_of(name).c_str()) != 0 && errno != ENOENT) {
        return system_error("unpin " + path_of(name));
    }
    return {};
}

Result<void> PinDir::remove_all() const {
    const std::unique_ptr<DIR, CloseDir> dir(opendir(path_.c_str()));
    if (!dir) {
        return system_error("list " + path_);
    }
    while (const dirent* entry = readdir(dir.get())) {
        if (entry->d_type == DT_REG) {
            TRY(unpin(entry->d_name));
        }
    }
    // The folder may be a mount point: it then stays, empty.
    if (rmdir(path_.c_str()) != 0 && errno != EBUSY) {
        return system_error("remove " + path_);
    }
    return {};
}

} // namespace pc
