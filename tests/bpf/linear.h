/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What linear.bpf.c and the tests agree on. */
#pragma once

#include "rules/abi.h"

enum pc_linear_limits {
    PC_LINEAR_RULES_MAX = 8192,
    PC_LINEAR_NUMBERS_MAX = 256,
    PC_LINEAR_BYTES_MAX = 1024,
    PC_LINEAR_LISTS_MAX = 1024,
    PC_LINEAR_MATCHES_MAX = 4096,
};

/* Written before a frame is run. */
struct pc_linear_question {
    __u64 in_bit;   /* bit z of the zone it enters by, bit 0: of none */
    __u64 out_bits; /* of the zone it leaves by */
    __u32 records;
    __u32 zero;
};

struct pc_linear_answer {
    __u32 parsed;
    __u32 count;
    __u32 rules[PC_LINEAR_MATCHES_MAX]; /* ids, in order, the deciding one last */
};

/* Key of the trie of all address lists: the longest prefix knows those of the ones it is in. */
struct pc_linear_addr_key {
    __u32 prefixlen; /* 32 + the prefix's length */
    __be32 family;   /* network order of 4 or 6 */
    __be32 addr[4];
};

struct pc_linear_lists {
    __u64 bits[PC_LINEAR_LISTS_MAX / 64];
};

struct pc_linear_mac_key {
    __u16 set;
    __u8 addr[6];
};
