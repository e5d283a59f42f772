// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/kern/inspect_netns.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/magic.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/kern/fd.h"
#include "ctl/kern/libbpf_log.h"

namespace pc {
namespace {

// Addresses that nothing routes to: the source of ICMP errors of the inspector's namespace. IPv6
// needs a global one for that; "fd70:6f72:7463:756c" is an own prefix of RFC 4193.
constexpr const char* inner_ipv4 = "169.254.77.2";
constexpr const char* host_ipv4 = "169.254.77.1";
constexpr const char* inner_ipv6 = "fd70:6f72:7463:756c::2";
constexpr const char* host_ipv6 = "fe80::7701";

// What an interface is, asked through a socket: a socket stays in the network namespace in which it
// was made, whoever uses it.
class Interfaces {
public:
    static Result<Interfaces> here() {
        Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        if (!fd.valid()) {
            return system_error("open a socket");
        }
        return Interfaces(std::move(fd));
    }

    // 0: no such interface.
    [[nodiscard]] uint32_t ifindex(const std::string& name) const {
        ifreq request = named(name);
        return ask(SIOCGIFINDEX, request) ? static_cast<uint32_t>(request.ifr_ifindex) : 0;
    }

    [[nodiscard]] MacAddress mac(const std::string& name) const {
        MacAddress mac;
        ifreq request = named(name);
        if (ask(SIOCGIFHWADDR, request)) {
            std::memcpy(mac.bytes.data(), request.ifr_hwaddr.sa_data, mac.bytes.size());
        }
        return mac;
    }

    [[nodiscard]] uint32_t mtu(const std::string& name) const {
        ifreq request = named(name);
        return ask(SIOCGIFMTU, request) ? static_cast<uint32_t>(request.ifr_mtu) : 0;
    }

    [[nodiscard]] Result<void> set_mtu(const std::string& name, uint32_t mtu) const {
        ifreq request = named(name);
        request.ifr_mtu = static_cast<int>(mtu);
        if (!ask(SIOCSIFMTU, request)) {
            return system_error("set the MTU of " + name + " to " + std::to_string(mtu));
        }
        return {};
    }

    [[nodiscard]] bool is_up(const std::string& name) const {
        ifreq request = named(name);
        return ask(SIOCGIFFLAGS, request) && (request.ifr_flags & IFF_UP) != 0;
    }

    [[nodiscard]] bool is_veth(const std::string& name) const {
        const ethtool_drvinfo driver = driver_of(name);
        return std::string_view(driver.driver) == "veth";
    }

    // Of a veth: the ifindex of its other end, in that one's namespace. It is the first statistic.
    [[nodiscard]] uint64_t peer_of(const std::string& name) const {
        const ethtool_drvinfo driver = driver_of(name);
        if (std::string_view(driver.driver) != "veth" || driver.n_stats == 0) {
            return 0;
        }
        std::vector<uint64_t> buffer(sizeof(ethtool_stats) / sizeof(uint64_t) + driver.n_stats);
        auto* stats = reinterpret_cast<ethtool_stats*>(buffer.data());
        stats->cmd = ETHTOOL_GSTATS;
        stats->n_stats = driver.n_stats;
        ifreq request = named(name);
        request.ifr_data = reinterpret_cast<char*>(stats);
        return ask(SIOCETHTOOL, request) ? stats->data[0] : 0;
    }

    // Many segments cross the pair as one.
    void turn_gro_on(const std::string& name) const {
        ethtool_value value{ETHTOOL_SGRO, 1};
        ifreq request = named(name);
        request.ifr_data = reinterpret_cast<char*>(&value);
        (void)ask(SIOCETHTOOL, request); // ignoring: it is only faster with it
    }

private:
    explicit Interfaces(Fd fd) : fd_(std::move(fd)) {}

    static ifreq named(const std::string& name) {
        ifreq request{};
        name.copy(request.ifr_name, IFNAMSIZ - 1);
        return request;
    }

    bool ask(unsigned long what, ifreq& request) const {
        return ioctl(fd_.get(), what, &request) == 0;
    }

    [[nodiscard]] ethtool_drvinfo driver_of(const std::string& name) const {
        ethtool_drvinfo driver{};
        driver.cmd = ETHTOOL_GDRVINFO;
        ifreq request = named(name);
        request.ifr_data = reinterpret_cast<char*>(&driver);
        return ask(SIOCETHTOOL, request) ? driver : ethtool_drvinfo{};
    }

    Fd fd_;
};

// Runs `work` inside of the namespace. A thread of its own, because the namespace belongs to the
// thread: the caller's never leaves its own, whatever fails.
Result<void> inside(int netns, const std::function<Result<void>()>& work) {
    Result<void> result;
    std::thread([&] {
        if (setns(netns, CLONE_NEWNET) != 0) {
            result = Result<void>(system_error("enter the inspector's network namespace"));
        } else {
            result = work();
        }
    }).join();
    return result;
}

// Runs iproute2 on a batch of commands, in the namespace of the calling thread. A command that
// begins with "-force" in `options` goes on after a failing line.
Result<void> run_ip(const std::string& what, const std::vector<std::string>& options,
                    const std::string& batch) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (pipe2(in.data(), O_CLOEXEC) != 0) {
        return system_error("open a pipe");
    }
    const Fd in_read(in[0]);
    Fd in_write(in[1]);
    if (pipe2(out.data(), O_CLOEXEC) != 0) {
        return system_error("open a pipe");
    }
    const Fd out_read(out[0]);
    Fd out_write(out[1]);
    std::vector<std::string> words = {"ip"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"-batch", "-"});
    std::vector<char*> argv;
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    // No shell and no search in the caller's PATH: this runs as root.
    const std::array<const char*, 2> places = {"/usr/sbin/ip", "/usr/bin/ip"};
    const pid_t child = fork();
    if (child < 0) {
        return system_error("start ip");
    }
    if (child == 0) {
        (void)dup2(in_read.get(), STDIN_FILENO); // ignoring: ip then fails on its input
        (void)dup2(out_write.get(), STDOUT_FILENO);
        (void)dup2(out_write.get(), STDERR_FILENO);
        for (const char* place : places) {
            (void)execv(place, argv.data()); // ignoring: the next place, then 127
        }
        _exit(127);
    }
    out_write.reset();
    // A batch is smaller than a pipe, so that this cannot block; and ip may have gone.
    const ssize_t written = write(in_write.get(), batch.data(), batch.size());
    in_write.reset();
    std::string said;
    std::array<char, 512> buffer{};
    ssize_t size = 0;
    while ((size = read(out_read.get(), buffer.data(), buffer.size())) > 0) {
        said.append(buffer.data(), static_cast<size_t>(size));
    }
    int status = 0;
    (void)waitpid(child, &status, 0); // ignoring: status stays 0 only if somebody else reaped it
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
        written == static_cast<ssize_t>(batch.size())) {
        return {};
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        return Error{ENOENT, what + ": there is no 'ip' (package iproute2)"};
    }
    while (!said.empty() && said.back() == '\n') {
        said.pop_back();
    }
    return Error{EINVAL, what + ": ip: " + said};
}

// Values of /proc/sys, which shows the namespace of the thread that opens it. A file that is not
// there is no Error: a kernel without IPv6, or without that feature.
Result<void> write_sysctl(const std::string& name, std::string_view value) {
    const Fd fd(open(("/proc/sys/" + name).c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd.valid()) {
        return errno == ENOENT ? Result<void>() : system_error("open /proc/sys/" + name);
    }
    if (write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
        return system_error("write " + std::string(value) + " to /proc/sys/" + name);
    }
    return {};
}

bool has_ipv6() {
    return access("/proc/sys/net/ipv6", F_OK) == 0;
}

bool is_netns(const std::string& file) {
    struct statfs fs {};

    return statfs(file.c_str(), &fs) == 0 && fs.f_type == NSFS_MAGIC;
}

// A child process makes the namespace, because the caller has to stay in its own.
Result<void> make_netns(const std::string& file) {
    const Fd created(open(file.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!created.valid()) {
        return system_error("make " + file);
    }
    const pid_t child = fork();
    if (child < 0) {
        return system_error("start a process");
    }
    if (child == 0) {
        const bool done = unshare(CLONE_NEWNET) == 0 &&
                          mount("/proc/self/ns/net", file.c_str(), nullptr, MS_BIND, nullptr) == 0;
        _exit(done ? 0 : errno);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child) {
        return system_error("wait for a process");
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        const int err = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
        return Error{err, "make a network namespace at " + file + ": " + std::strerror(err)};
    }
    return {};
}

// One batch each for IPv4 and IPv6: `ip` takes the family only on its command line.
struct FamilyBatch {
    std::vector<std::string> options;
    std::string commands;
};

std::vector<FamilyBatch> inner_commands(const InspectNetnsNames& names,
                                        const std::string& host_mac) {
    const std::string dev = " dev " + names.inner_end;
    const std::string lladdr = " lladdr " + host_mac + dev + " nud permanent\n";
    // Trap: the kernel sends no RST for a packet without a socket where the source of the packet is
    // found to be local. So "local" is asked only for what comes in (rule 10); for what leaves from
    // here (rule 5, iif lo) the main table has the way back. The rule 0 of a new namespace goes.
    const std::string rules = "rule add pref 5 iif lo lookup main\n"
                              "rule add pref 10 lookup local\n"
                              "route replace local default dev lo table local\n";
    std::vector<FamilyBatch> batches;
    batches.push_back({{"-4"},
                       "link set lo up\nlink set" + dev + " up\naddr replace " + inner_ipv4 +
                           "/30" + dev + "\nneigh replace " + host_ipv4 + lladdr +
                           "route replace default via " + host_ipv4 + dev + "\n" + rules});
    if (has_ipv6()) {
        batches.push_back({{"-6"},
                           std::string("addr replace ") + inner_ipv6 + "/64" + dev +
                               " nodad\nneigh replace " + host_ipv6 + lladdr +
                               "route replace default via " + host_ipv6 + dev + " onlink\n" +
                               rules});
    }
    return batches;
}

Result<void> set_inner_sysctls(const std::string& inner_end) {
    const std::string ipv4 = "net/ipv4/conf/";
    const std::string ipv6 = "net/ipv6/conf/";
    const std::vector<std::pair<std::string, std::string_view>> values = {
        // The inspector answers in the name of servers at any port, with no right to low ones.
        {"net/ipv4/ip_unprivileged_port_start", "0"},
        {ipv4 + "all/rp_filter", "0"},
        {ipv4 + inner_end + "/rp_filter", "0"},
        {ipv4 + inner_end + "/accept_local", "1"},
        {ipv4 + "all/src_valid_mark", "0"},
        {ipv4 + "all/accept_redirects", "0"},
        {"net/ipv4/tcp_fwmark_accept", "0"},
        {"net/ipv4/fwmark_reflect", "0"},
        {"net/ipv4/ip_early_demux", "1"},
        {"net/ipv4/tcp_early_demux", "1"},
        {"net/ipv4/tcp_max_syn_backlog", "8192"},
        {"net/core/somaxconn", "8192"},
        {ipv6 + "all/disable_ipv6", "0"},
        {ipv6 + inner_end + "/disable_ipv6", "0"},
        {ipv6 + inner_end + "/accept_dad", "0"},
        {ipv6 + inner_end + "/addr_gen_mode", "1"}, // none: nobody is met on this link
        {ipv6 + inner_end + "/accept_ra", "0"},
        {ipv6 + inner_end + "/accept_redirects", "0"},
    };
    for (const auto& [name, value] : values) {
        TRY(write_sysctl(name, value));
    }
    return {};
}

std::string text_of(const MacAddress& mac) {
    std::string text;
    for (const uint8_t byte : mac.bytes) {
        constexpr std::string_view digits = "0123456789abcdef";
        text += text.empty() ? "" : ":";
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

// Both ends are there and up, and they are each other's. The host's end is brought up last.
bool is_complete(const InspectNetnsNames& names, const Interfaces& host, const Interfaces& inner) {
    return host.is_up(names.host_end) && inner.is_up(names.inner_end) &&
           host.peer_of(names.host_end) == inner.ifindex(names.inner_end) &&
           inner.peer_of(names.inner_end) == host.ifindex(names.host_end);
}

// Either end takes the other one with it.
Result<void> remove_pair(const std::string& name, const Interfaces& interfaces) {
    if (interfaces.ifindex(name) == 0) {
        return {};
    }
    if (!interfaces.is_veth(name)) {
        return Error{EEXIST, "interface " + name + " is there and is no veth of ours"};
    }
    return run_ip("remove " + name, {}, "link del dev " + name + "\n");
}

Result<void> make_inside(const InspectNetnsNames& names, const Interfaces& host, uint32_t mtu,
                         pid_t owner) {
    const Interfaces inner = TRY(Interfaces::here());
    TRY(remove_pair(names.inner_end, inner));
    const std::string size = " mtu " + std::to_string(mtu);
    TRY(run_ip("make the veth pair", {},
               "link add name " + names.inner_end + size + " type veth peer name " +
                   names.host_end + size + " netns /proc/" + std::to_string(owner) + "/ns/net\n"));
    TRY(set_inner_sysctls(names.inner_end));
    for (const FamilyBatch& batch : inner_commands(names, text_of(host.mac(names.host_end)))) {
        const std::string family = batch.options.front();
        // Ignoring twice: only an earlier attempt that failed left something, or nothing, to
        // remove.
        (void)run_ip("remove rules", {family, "-force"}, "rule del pref 5\nrule del pref 10\n");
        TRY(run_ip("set up the inspector's network namespace", batch.options, batch.commands));
        (void)run_ip("remove rule 0", {family, "-force"}, "rule del pref 0\n");
    }
    inner.turn_gro_on(names.inner_end);
    return {};
}

Result<void> raise_mtu(const std::string& name, const Interfaces& interfaces, uint32_t mtu) {
    return interfaces.mtu(name) >= mtu ? Result<void>() : interfaces.set_mtu(name, mtu);
}

} // namespace

Result<InspectNetns> set_up_inspect_netns(const InspectNetnsNames& names, uint32_t mtu) {
    if (!is_netns(names.file)) {
        TRY(make_netns(names.file));
    }
    const Fd netns(open(names.file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!netns.valid()) {
        return system_error("open " + names.file);
    }
    const Interfaces host = TRY(Interfaces::here());
    InspectNetns result;
    TRY(inside(netns.get(), [&]() -> Result<void> {
        const Interfaces inner = TRY(Interfaces::here());
        result.taken_over = is_complete(names, host, inner);
        if (!result.taken_over) {
            return {};
        }
        TRY(raise_mtu(names.inner_end, inner, mtu));
        return raise_mtu(names.host_end, host, mtu);
    }));
    if (!result.taken_over) {
        TRY(remove_pair(names.host_end, host));
        const pid_t owner = getpid();
        TRY(inside(netns.get(), [&] { return make_inside(names, host, mtu, owner); }));
        host.turn_gro_on(names.host_end);
        TRY(write_sysctl("net/ipv6/conf/" + names.host_end + "/disable_ipv6", "1"));
        TRY(run_ip("bring up " + names.host_end, {}, "link set dev " + names.host_end + " up\n"));
    }
    result.host_ifindex = host.ifindex(names.host_end);
    TRY(inside(netns.get(), [&]() -> Result<void> {
        result.inner_mac = TRY(Interfaces::here()).mac(names.inner_end);
        return {};
    }));
    return result;
}

Result<void> tear_down_inspect_netns(const InspectNetnsNames& names) {
    TRY(remove_pair(names.host_end, TRY(Interfaces::here())));
    if (is_netns(names.file) && umount2(names.file.c_str(), MNT_DETACH) != 0) {
        return system_error("unmount " + names.file);
    }
    if (unlink(names.file.c_str()) != 0 && errno != ENOENT) {
        return system_error("remove " + names.file);
    }
    return {};
}

} // namespace pc
