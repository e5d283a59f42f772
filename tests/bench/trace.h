/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A header of the trace, as it stands in the file that tests/bench/run writes: 16 bytes, network
 * order. */
#pragma once
#include <linux/types.h>

#define BENCH_TRACE 65536

struct bench_header {
    __be32 saddr, daddr;
    __be16 sport, dport;
    __be16 check; /* of the IPv4 header */
    __u8 proto;
    __u8 zero;
};
