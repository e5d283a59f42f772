/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A question to the classifier, and how it reads its memory: one large map value, in which
 * everything has an offset. Before this comes maps.h, or what stands in its place on the host.
 */
#pragma once

#include "xdp/packet.h"

/* The rows that are ANDed: which tuples may hold an entry for this part of the packet. */
enum pc_row {
	PC_ROW_SRC,
	PC_ROW_DST,
	PC_ROW_SPORT,
	PC_ROW_DPORT,
	PC_ROW_PROTO,
	PC_ROW_ZONE,
	PC_ROWS,
};

/* What is asked, and the answer. It lives in a map of one entry a CPU, not on the stack: the
 * subprograms below get a pointer to it, and the verifier knows nothing of what is in it.
 */
struct pc_query {
	struct pc_packet packet;

	/* Given. */
	__u32 generation; /* slot */
	__u32 from;	  /* the lowest priority that counts */
	__u64 jiffies;
	__u64 in_bit;	/* bit z of the zone it came from, bit 0: of the router's own packets */
	__u64 out_bits; /* bit z of the zone it leaves by, bit 0: of none; all bits: not known */
	__u8 in_zone;
	__u8 needs;	/* PC_AT_TC: ask only rules with this flag */
	__u8 state_bit; /* enum pc_state_bit: how it stands to known flows */

	/* From the packet. */
	__u8 family_bit;
	__u16 lacks; /* PC_NEEDS_*: a rule with one of these flags does not match */
	__u16 zero;
	__u64 dscp_bit;

	/* The answer. */
	__u32 found; /* the priority of the first rule; PC_PRIORITY_NONE: none */
	__u32 rule;  /* its word: see struct pc_bucket */

	/* Its own. */
	__u32 base; /* of the image */
	__u32 epoch;
	__u32 rows[PC_ROWS]; /* where they are */
	__u32 words;	     /* of each */
	__u32 block_hits;    /* not 0: the source is in @blocks, and this is its entry's */
	__u32 rest;	     /* PC_REST() */
	__u32 zero3;
	__u64 candidates;		  /* bit w: word w of all rows together is not zero */
	__u64 together[PC_ROW_WORDS_MAX]; /* and those words */
	__u64 left, chain_addr;		  /* of a search that goes on: see struct pc_scan */
	__u32 first, tag, next;
	__u32 zero2;
	__u64 addr[4]; /* as struct pc_tuple masks it */
	__u64 sport, dport;
	__u32 range_key[2]; /* source and destination port to compare with an entry's range */
};

_Static_assert((int)PC_PKT_HAS_PORTS == PC_NEEDS_PORTS, "lacks is computed from pc_packet.flags");
_Static_assert((int)PC_PKT_HAS_ICMP == PC_NEEDS_ICMP, "as above");
_Static_assert((int)PC_PKT_HAS_TCP_FLAGS == PC_NEEDS_TCP_FLAGS, "as above");

/* NULL: never. */
static __always_inline const void *pc_arena(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&classifier, &zero);
}

/* What is longer than PC_ARENA_SLACK is read in parts. */
static __always_inline const void *pc_at_offset(const void *arena, __u64 offset)
{
	return (const char *)arena + (offset & pc_arena_mask);
}

static __always_inline __u16 pc_u16_at(const void *arena, __u64 offset)
{
	return *(const __u16 *)pc_at_offset(arena, offset);
}

static __always_inline __u32 pc_u32_at(const void *arena, __u64 offset)
{
	return *(const __u32 *)pc_at_offset(arena, offset);
}

static __always_inline __u64 pc_u64_at(const void *arena, __u64 offset)
{
	return *(const __u64 *)pc_at_offset(arena, offset);
}

static __always_inline const struct pc_generation *pc_generation_of(const struct pc_query *query)
{
	__u32 slot = query->generation;

	return bpf_map_lookup_elem(&generations, &slot);
}
