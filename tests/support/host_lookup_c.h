/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host's copy of xdp/lookup.h offers to C++. */
#pragma once

#include "xdp/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pc_host_question {
	struct pc_packet packet;
	__u8 in_zone; /* 0: none, or the router's own packet */
	__u8 own;
	__u8 out_known;
	__u8 out_zone;
	__u8 state_bit; /* enum pc_state_bit; 0: new */
	__u64 jiffies;
};

struct pc_host_answer {
	__u32 priority;
	__u32 action; /* enum pc_action */
	__u32 rule_id;
};

/* For this thread. The arena is mask + 1 + PC_ARENA_SLACK bytes. */
void pc_host_use(const void *arena, __u32 mask, const struct pc_generation *head);

/* All rules that match, in order, up to and with the first that ends the walk; how many. */
int pc_host_walk(const struct pc_host_question *question, struct pc_host_answer *answers, int max);

/* What the packet costs if nothing ends the search early: the chains of all its candidates. */
struct pc_host_reads {
	__u32 buckets;
	__u32 records;
};

int pc_host_cost(const struct pc_host_question *question, struct pc_host_reads *cost);

/* The block_hits of the entry of @blocks that holds the source; 0: none. */
unsigned pc_host_block(const struct pc_host_question *question);

#ifdef __cplusplus
}
#endif
