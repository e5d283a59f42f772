// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/kern/features.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <spawn.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "ctl/kern/fd.h"
#include "ctl/kern/libbpf_log.h"

extern char** environ;

namespace pc {
namespace {

constexpr const char* conntrack_function = "bpf_skb_ct_lookup";

struct FreeBtf {
    void operator()(btf* types) const { btf__free(types); }
};

using Btf = std::unique_ptr<btf, FreeBtf>;

bool has_function(const btf* types, const char* name) {
    return types != nullptr && btf__find_by_name_kind(types, name, BTF_KIND_FUNC) > 0;
}

bool has_conntrack_function(const Btf& kernel) {
    if (has_function(kernel.get(), conntrack_function)) {
        return true;
    }
    const Btf module(btf__load_module_btf("nf_conntrack", kernel.get()));
    return has_function(module.get(), conntrack_function);
}

void load_conntrack_module() {
    std::array<char, 16> program{"modprobe"};
    std::array<char, 4> quiet{"-q"};
    std::array<char, 16> module{"nf_conntrack"};
    const std::array<char*, 4> arguments{program.data(), quiet.data(), module.data(), nullptr};
    pid_t pid = 0;
    if (posix_spawnp(&pid, program.data(), nullptr, nullptr, arguments.data(), environ) != 0) {
        return; // no modprobe: the answer is asked from the kernel afterwards
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
}

// Loads `return 0` as a program of type XDP, then as an extension of it.
std::string why_no_extensions() {
    const std::array<bpf_insn, 2> program{{
        {BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0},
        {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
    }};
    // The kernel asks who may load this type before it looks at the target: a target that is
    // missing gives EINVAL where the type is allowed, EPERM where it is not.
    LIBBPF_OPTS(bpf_prog_load_opts, options);
    const Fd fd(bpf_prog_load(BPF_PROG_TYPE_EXT, "pc_probe", "GPL", program.data(), program.size(),
                              &options));
    const int err = errno;
    (void)take_library_log(); // ignoring: the failure is expected
    if (fd.valid() || err == EINVAL) {
        return {};
    }
    return std::string("programs of type EXT: ") + std::strerror(err);
}

} // namespace

Features probe_features() {
    capture_library_log();
    Features features;
    utsname system{};
    if (uname(&system) == 0) {
        features.kernel = system.release;
    }
    const Btf kernel(btf__load_vmlinux_btf());
    features.btf = kernel != nullptr;
    features.extension_note = why_no_extensions();
    features.extension_programs = features.extension_note.empty();
    features.conntrack = has_conntrack_function(kernel);
    if (!features.conntrack && features.btf) {
        load_conntrack_module();
        features.conntrack = has_conntrack_function(kernel);
    }
    features.network_namespaces = access("/proc/self/ns/net", F_OK) == 0;
    (void)take_library_log(); // ignoring: what is missing is an answer here
    return features;
}

} // namespace pc
