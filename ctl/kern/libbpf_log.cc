// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/kern/libbpf_log.h"

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string_view>

#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

namespace pc {
namespace {

// The verifier's log runs to megabytes; the end says what was wrong.
constexpr size_t kept_max = 16384;
constexpr size_t lines_max = 4;

// The callbacks have no context argument, so the text stands in a static buffer. One thread.
struct Kept {
    std::array<char, kept_max> text{};
    size_t size = 0;
};

Kept& kept() noexcept {
    static Kept kept;
    return kept;
}

void keep(const char* format, va_list arguments) noexcept {
    std::array<char, kept_max / 2> line{};
    const int length = vsnprintf(line.data(), line.size(), format, arguments);
    if (length <= 0) {
        return;
    }
    std::string_view text(line.data(), std::min(static_cast<size_t>(length), line.size() - 1));
    if (static_cast<size_t>(length) >= line.size()) {
        // Too long: format again would need memory; the beginning is what there is.
        text = text.substr(text.size() / 2);
    }
    Kept& to = kept();
    if (to.size + text.size() > to.text.size()) {
        const size_t drop = to.size + text.size() - to.text.size();
        to.size -= drop;
        std::memmove(to.text.data(), to.text.data() + drop, to.size);
    }
    std::memcpy(to.text.data() + to.size, text.data(), text.size());
    to.size += text.size();
}

int keep_libbpf(enum libbpf_print_level level, const char* format, va_list arguments) noexcept {
    if (level == LIBBPF_WARN) {
        keep(format, arguments);
    }
    return 0;
}

int keep_libxdp(enum libxdp_print_level level, const char* format, va_list arguments) noexcept {
    if (level == LIBXDP_WARN) {
        keep(format, arguments);
    }
    return 0;
}

// Frames and statistics of the verifier's log say nothing; nor does the advice on ulimit, which is
// given for every EPERM.
bool is_noise(std::string_view line) {
    return line.empty() || line.find("PROG LOAD LOG") != line.npos ||
           line.find("try raising 'ulimit -l'") != line.npos || line.substr(0, 9) == "processed" ||
           line.substr(0, 17) == "verification time" || line.substr(0, 11) == "stack depth";
}

std::string_view without_prefix(std::string_view line) {
    for (const std::string_view prefix : {"libbpf: ", "libxdp: "}) {
        if (line.substr(0, prefix.size()) == prefix) {
            line.remove_prefix(prefix.size());
        }
    }
    return line;
}

} // namespace

void capture_library_log() {
    libbpf_set_print(keep_libbpf);
    libxdp_set_print(keep_libxdp);
}

std::string take_library_log() {
    std::string_view text(kept().text.data(), kept().size);
    std::array<std::string_view, lines_max> lines;
    size_t count = 0;
    while (!text.empty() && count < lines.size()) {
        const size_t newline = text.rfind('\n');
        std::string_view line = newline == text.npos ? text : text.substr(newline + 1);
        text = newline == text.npos ? std::string_view() : text.substr(0, newline);
        // The driver's own words make the rest superfluous.
        constexpr std::string_view of_kernel = "Kernel error message: ";
        const size_t said = line.find(of_kernel);
        if (said != line.npos) {
            kept().size = 0;
            return std::string(line.substr(said + of_kernel.size()));
        }
        if (!is_noise(line)) {
            lines[count++] = without_prefix(line);
        }
    }
    std::string joined;
    while (count > 0) {
        joined += joined.empty() ? "" : "; ";
        joined += lines[--count];
    }
    kept().size = 0;
    return joined;
}

Error library_error(int result, std::string what) {
    const int err = result < -1 ? -result : errno;
    std::array<char, 256> reason{};
    libxdp_strerror(err, reason.data(), reason.size());
    const std::string said = take_library_log();
    return Error{err, what + ": " + reason.data() + (said.empty() ? "" : " (" + said + ")")};
}

Error system_error(std::string what) {
    const int err = errno;
    return Error{err, what + ": " + std::strerror(err)};
}

} // namespace pc
