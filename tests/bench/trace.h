/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trace: the headers that the generator sends and that the classifier is asked about. The file
 * that traces.py writes is a struct bench_trace_head and then `count` headers of its family;
 * addresses and ports are as on the wire.
 */
#pragma once
#include <linux/types.h>

#define BENCH_TRACE 131072

struct bench_trace_head {
    __u32 family; /* 4 or 6 */
    __u32 count;  /* a power of two, at most BENCH_TRACE */
};

struct bench_header {
    __be32 saddr, daddr;
    __be16 sport, dport;
    __be16 check; /* of the IPv4 header */
    __u8 proto;
    __u8 tcp_flags;
};

struct bench_header6 {
    __be32 saddr[4], daddr[4];
    __be16 sport, dport;
    __u8 proto;
    __u8 tcp_flags;
    __u8 zero[2];
};
