// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/privileges.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace pc::inspect {

namespace {

Error failed(std::string_view what) {
    const int err = errno;
    return Error{err, fmt::format("{}: {}", what, strerror(err))};
}

Result<void> become(const std::string& user) {
    errno = 0;
    const passwd* entry = getpwnam(user.c_str()); // NOLINT(concurrency-mt-unsafe): one thread
    if (entry == nullptr) {
        return errno == 0 ? Error{ENOENT, fmt::format("no user {}", user)}
                          : failed(fmt::format("look up user {}", user));
    }
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || initgroups(user.c_str(), entry->pw_gid) != 0 ||
        setgid(entry->pw_gid) != 0 || setuid(entry->pw_uid) != 0) {
        return failed(fmt::format("become user {}", user));
    }
    return {};
}

// No program that this one could start would have them either.
Result<void> empty_bounding_set() {
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; ++cap) {
        if (cap != CAP_NET_ADMIN && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EPERM) {
            return failed("drop a capability from the bounding set");
        }
    }
    return {};
}

// Of the calling thread.
Result<void> keep(std::span<const cap_value_t> kept) {
    const std::unique_ptr<_cap_struct, int (*)(cap_t)> caps(
        cap_init(), [](cap_t cap) { return cap_free(cap); });
    const auto count = static_cast<int>(kept.size());
    if (!caps || cap_set_flag(caps.get(), CAP_PERMITTED, count, kept.data(), CAP_SET) != 0 ||
        cap_set_flag(caps.get(), CAP_EFFECTIVE, count, kept.data(), CAP_SET) != 0 ||
        cap_set_proc(caps.get()) != 0) {
        return failed("drop capabilities");
    }
    return {};
}

} // namespace

Result<void> drop_privileges(const std::string& user) {
    TRY(empty_bounding_set());
    if (!user.empty()) {
        TRY(become(user));
    }
    TRY(keep(std::array{CAP_NET_ADMIN, CAP_SYS_ADMIN}));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return failed("set no_new_privs");
    }
    return {};
}

Result<void> keep_only_net_admin() {
    return keep(std::array{CAP_NET_ADMIN});
}

Result<size_t> raise_descriptor_limit(size_t wanted) {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return failed("getrlimit RLIMIT_NOFILE");
    }
    if (limit.rlim_cur >= wanted) {
        return size_t{limit.rlim_cur};
    }
    const rlimit high{wanted, std::max<rlim_t>(wanted, limit.rlim_max)};
    const rlimit possible{std::min<rlim_t>(wanted, limit.rlim_max), limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &high) != 0 && setrlimit(RLIMIT_NOFILE, &possible) != 0) {
        return failed("setrlimit RLIMIT_NOFILE");
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return failed("getrlimit RLIMIT_NOFILE");
    }
    return size_t{limit.rlim_cur};
}

} // namespace pc::inspect
