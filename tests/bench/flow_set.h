/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows by number: packet n of a set is of one of its flows, and the flow's number says what is in
 * the headers. No trace is read, so packets of 250,000 flows leave the caches to the program that
 * is measured. For the programs that send, and those who say what is sent.
 */
#pragma once
#include <linux/types.h>

#define BENCH_HOT_SHIFT 10 /* 1,024 flows are hot */

enum bench_order {
    BENCH_IN_TURN, /* each flow once, then from the beginning */
    BENCH_UNIFORM, /* any of them, all equally often */
    BENCH_HOT,     /* a few of them */
};

struct bench_flow_set {
    __u32 family; /* 4 or 6 */
    __u32 proto;  /* TCP or UDP */
    __u32 count;  /* flows */
    __u32 order;  /* enum bench_order */
    __u32 tcp_flags;
    __u32 answers; /* 1: sent by the servers */
};

/* One number to one other. */
static inline __u32 bench_mix(__u32 n) {
    n ^= n >> 16;
    n *= 0x7feb352dU;
    n ^= n >> 15;
    n *= 0x846ca68bU;
    return n ^ n >> 16;
}

/* The number of packet n's flow. */
static inline __u32 bench_flow_of(const struct bench_flow_set* set, __u32 n) {
    if (set->order == BENCH_UNIFORM)
        return (__u32)((__u64)bench_mix(n) * set->count >> 32);
    if (set->order == BENCH_HOT)
        return (__u32)((__u64)(bench_mix(n) >> (32 - BENCH_HOT_SHIFT)) * set->count >>
                       BENCH_HOT_SHIFT);
    return set->count ? n % set->count : 0;
}
