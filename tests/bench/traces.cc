// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/traces.h"

#include <bit>
#include <cerrno>
#include <fstream>

namespace pc::bench {
namespace {

template <typename T>
bool read_headers(std::ifstream& file, std::vector<T>& headers, uint32_t count) {
    headers.resize(count);
    file.read(reinterpret_cast<char*>(headers.data()),
              static_cast<std::streamsize>(count * sizeof(T)));
    return static_cast<bool>(file);
}

} // namespace

Result<Trace> read_trace(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    bench_trace_head head{};
    file.read(reinterpret_cast<char*>(&head), sizeof(head));
    if (!file || head.count > BENCH_TRACE || !std::has_single_bit(head.count) ||
        (head.family != 4 && head.family != 6)) {
        return Error{EINVAL, "read trace " + path + ": no trace of traces.py"};
    }
    Trace trace;
    trace.family = head.family;
    const bool whole = head.family == 4 ? read_headers(file, trace.headers, head.count)
                                        : read_headers(file, trace.headers6, head.count);
    if (!whole) {
        return Error{EINVAL, "read trace " + path + ": it is cut off"};
    }
    return trace;
}

} // namespace pc::bench
