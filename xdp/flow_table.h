/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flow table: rules/abi_flow.h says what it looks like, ARCHITECTURE.md, "Flows", why. A flow
 * is in one of two buckets of eight. A look-up reads one cache line of tags and, where a tag is
 * right, the flow itself. Places are taken by compare and exchange of their tags; no lock is held.
 */
#pragma once

#include "rules/hash.h"
#include "xdp/maps.h"
#include "xdp/flow_tcp.h"

/* Flows that are over stay in their place for so long: whoever found them is done with them then.
 */
#define PC_FLOW_REST_TICKS 2

struct pc_flow_query {
	/* Given: of the packet. */
	__be32 addr[2][4]; /* sender, receiver */
	__u16 port[2];	   /* host order; ICMP: the identifier, twice */
	__u8 proto;
	__u8 family;
	__u8 again; /* set by pc_follow_flow(): the packet begins the next flow of these ports */
	__u8 zero;
	__u32 now; /* ticks */

	/* Answers of pc_find_flow(). */
	__u32 side; /* which of the entry's sides is the sender */
	__u32 tag;
	__u32 bucket[2];
	__u32 index;
	__u32 found;
	__u32 shift; /* set by pc_follow_flow(): of the packet's acknowledgement, see syn_cookie.h
		      */
	struct pc_tcp_options options; /* of a SYN */
};

static __always_inline __u32 pc_ticks(__u64 jiffies)
{
	return (__u32)(jiffies >> PC_FLOW_TICK_SHIFT);
}

static __always_inline bool pc_flow_is_over(__u32 deadline, __u32 now)
{
	return (__s32)(deadline - now) < 0;
}

static __always_inline struct pc_flow_globals *pc_globals(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&flow_globals, &zero);
}

static __always_inline struct pc_flow_bucket *pc_flow_bucket_at(__u32 bucket)
{
	return bpf_map_lookup_elem(&flow_buckets, &bucket);
}

static __always_inline struct pc_flow_entry *pc_flow_at(__u32 index)
{
	return bpf_map_lookup_elem(&flow_entries, &index);
}

static __always_inline bool pc_same_address(const __be32 a[4], const __be32 b[4])
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]));
}

static __always_inline bool pc_is_flow(const struct pc_flow_query *query,
				       const struct pc_flow_entry *entry)
{
	__u32 side = query->side & 1, other = !side;

	return entry->port[side] == query->port[0] && entry->port[other] == query->port[1] &&
	       entry->proto == query->proto && entry->family == query->family &&
	       pc_same_address(entry->addr[side], query->addr[0]) &&
	       pc_same_address(entry->addr[other], query->addr[1]);
}

static __always_inline bool pc_find_in_bucket(struct pc_flow_query *query, __u32 which)
{
	__u32 index = query->bucket[which & 1], way;
	const struct pc_flow_bucket *bucket = pc_flow_bucket_at(index);
	const struct pc_flow_entry *entry;
	__u64 ways = 0;

	if (!bucket)
		return false;
#pragma clang loop unroll(full)
	for (way = 0; way < PC_FLOW_WAYS; way++) {
		/* Without branches: the verifier would go both ways at each. */
		__u64 same = (bucket->tag[way] & ~PC_FLOW_ANSWERED) ^ query->tag;

		same = same - 1;
		asm volatile("" : "+r"(same));
		ways |= same >> 63 << way;
	}
#pragma clang loop unroll(disable)
	for (way = 0; way < PC_FLOW_WAYS && ways >> way; way++) {
		if (!(ways >> way & 1))
			continue;
		if (pc_flow_is_over(bucket->deadline[way & 7], query->now))
			continue;
		entry = pc_flow_at(index * PC_FLOW_WAYS + way);
		if (!entry || !pc_is_flow(query, entry))
			continue;
		query->index = index * PC_FLOW_WAYS + way;
		return true;
	}
	return false;
}

/* 1: found, at `index`. 0: not, and the rest of the answers says where it would be. */
PC_SUBPROGRAM int pc_find_flow(struct pc_flow_query *query)
{
	const struct pc_flow_globals *globals = pc_globals();
	__u64 sender, receiver, hash, seed;
	__u32 ports;

	if (!query || !globals)
		return 0;
	seed = globals->seed;
	query->found = 0;
	sender = pc_flow_fold(seed, query->addr[0]);
	receiver = pc_flow_fold(seed, query->addr[1]);
	query->side = sender > receiver || (sender == receiver && query->port[0] > query->port[1]);
	if (query->side) {
		ports = (__u32)query->port[1] << 16 | query->port[0];
		hash = pc_flow_hash(seed, receiver, sender, ports, query->proto);
	} else {
		ports = (__u32)query->port[0] << 16 | query->port[1];
		hash = pc_flow_hash(seed, sender, receiver, ports, query->proto);
	}
	query->tag = (__u32)(hash >> 32) & PC_FLOW_TAG_BITS;
	if (!query->tag)
		query->tag = 1;
	query->bucket[0] = (hash & 0xffffffff) * pc_flow_buckets >> 32;
	hash = (__u32)hash * 0x9e3779b1U;
	query->bucket[1] = (hash & 0xffffffff) * pc_flow_buckets >> 32;
	query->found = pc_find_in_bucket(query, 0) || pc_find_in_bucket(query, 1);
	return (int)query->found;
}

/* ---- times: rates by one word (ITU-T I.371, generic cell rate algorithm) */

/* True: `cost` fits. `*due` is when all that was taken is paid back. Exact whoever else asks; where
 * too many do at once, it is taken without asking, and paid back like the rest.
 */
static __always_inline bool pc_take(__u64 *due, __u64 now, __u64 cost, __u64 burst)
{
	__u64 before, start;
	int i;

	for (i = 0; i < 3; i++) {
		before = *(volatile __u64 *)due;
		start = (__s64)(before - now) > 0 ? before : now;
		if (start - now + cost > burst)
			return false;
		if (__sync_val_compare_and_swap(due, before, start + cost) == before)
			return true;
	}
	__sync_fetch_and_add(due, cost);
	return true;
}

/* ---- places */

enum pc_flow_made {
	PC_FLOW_MADE,
	PC_FLOW_NOT_BUDGET, /* of new flows */
	PC_FLOW_NOT_SOURCE, /* the source has as many as it may */
	PC_FLOW_NOT_PLACE,  /* both buckets are full of flows that do not give way */
};

static __always_inline __u64 *pc_flow_source(__u64 seed, __u8 family, const __be32 addr[4])
{
	__u32 index = pc_flow_source_index(seed, family, addr);

	return bpf_map_lookup_elem(&flow_sources, &index);
}

static __always_inline bool pc_is_half_open(__u8 state)
{
	return state <= PC_FLOW_TCP_SYN_RECEIVED;
}

/* What a flow counts for ends with it. Once for each flow: by the one who took its place. */
static __always_inline void pc_flow_uncount(struct pc_flow_globals *globals,
					    const struct pc_flow_entry *entry)
{
	__u64 *source =
		pc_flow_source(globals->seed, entry->family, entry->addr[entry->origin & 1]);

	if (source)
		__sync_fetch_and_add(source, -1);
	if (pc_is_half_open(entry->state))
		__sync_fetch_and_add(&globals->half_open, -1);
	__sync_fetch_and_add(&globals->live, -1);
}

#define PC_PLACE_NONE 0xffffffffU

/* How good a place is to take; lower is better. A subprogram: the verifier then goes through a
 * bucket once, not in every way that its places can be.
 */
PC_SUBPROGRAM int pc_place_worth(__u32 tag, __u32 deadline, __u32 now)
{
	if (!tag)
		return 0;
	if (tag & PC_FLOW_BUSY)
		return (int)PC_PLACE_NONE;
	if (pc_flow_is_over(deadline + PC_FLOW_REST_TICKS, now))
		return 1;
	if (tag & PC_FLOW_ANSWERED || pc_flow_is_over(deadline, now))
		return (int)PC_PLACE_NONE;
	/* Unanswered: the one that would end first. */
	return (int)(2 + deadline - now);
}

static __always_inline void pc_best_place(const struct pc_flow_query *query, __u32 which,
					  __u32 *best, __u32 *place)
{
	__u32 index = query->bucket[which & 1], way;
	const struct pc_flow_bucket *bucket = pc_flow_bucket_at(index);

	if (!bucket)
		return;
#pragma clang loop unroll(disable)
	for (way = 0; way < PC_FLOW_WAYS; way++) {
		__u32 worth =
			(__u32)pc_place_worth(bucket->tag[way], bucket->deadline[way], query->now);

		if (worth < *best) {
			*best = worth;
			*place = index * PC_FLOW_WAYS + way;
		}
	}
}

/* Takes a place: then nobody else reads or writes the entry, until pc_publish_flow(). Whose flow it
 * was, if it still was one, is over.
 */
static __always_inline bool pc_claim_place(struct pc_flow_query *query, __u32 place, __u32 tag,
					   struct pc_flow_globals *globals)
{
	struct pc_flow_bucket *bucket = pc_flow_bucket_at(place / PC_FLOW_WAYS);
	const struct pc_flow_entry *entry = pc_flow_at(place);
	__u32 way = place % PC_FLOW_WAYS;

	if (!bucket || !entry || (tag & PC_FLOW_BUSY) ||
	    __sync_val_compare_and_swap(&bucket->tag[way], tag, query->tag | PC_FLOW_BUSY) != tag)
		return false; /* another CPU was quicker: the packet comes again */
	if (tag)
		pc_flow_uncount(globals, entry);
	query->index = place;
	return true;
}

static __always_inline __u32 pc_tag_at(__u32 place)
{
	const struct pc_flow_bucket *bucket = pc_flow_bucket_at(place / PC_FLOW_WAYS);

	return bucket ? *(const volatile __u32 *)&bucket->tag[place % PC_FLOW_WAYS] : PC_FLOW_BUSY;
}

static __always_inline bool pc_find_place(struct pc_flow_query *query,
					  struct pc_flow_globals *globals)
{
	__u32 best = PC_PLACE_NONE, place = 0;
	const struct pc_flow_bucket *bucket;
	__u32 tag;

	pc_best_place(query, 0, &best, &place);
	if (best)
		pc_best_place(query, 1, &best, &place);
	bucket = pc_flow_bucket_at(place / PC_FLOW_WAYS);
	if (best == PC_PLACE_NONE || !bucket)
		return false;
	tag = pc_tag_at(place);
	/* It may have become another's since. */
	if ((__u32)pc_place_worth(tag, bucket->deadline[place % PC_FLOW_WAYS], query->now) ==
	    PC_PLACE_NONE)
		return false;
	return pc_claim_place(query, place, tag, globals);
}

static __always_inline void pc_publish_flow(const struct pc_flow_query *query, __u32 deadline,
					    __u32 answered)
{
	struct pc_flow_bucket *bucket = pc_flow_bucket_at(query->index / PC_FLOW_WAYS);
	__u32 way = query->index % PC_FLOW_WAYS;

	if (!bucket)
		return;
	bucket->deadline[way] = deadline;
	/* With a barrier: all that was written before is there when the tag is. */
	(void)__sync_lock_test_and_set(&bucket->tag[way], query->tag | answered);
}

/* Moves the end of a flow. Most packets find it where it has to be. */
static __always_inline void pc_prolong(__u32 index, __u32 deadline)
{
	struct pc_flow_bucket *bucket = pc_flow_bucket_at(index / PC_FLOW_WAYS);
	__u32 way = index % PC_FLOW_WAYS;

	if (bucket && bucket->deadline[way] != deadline)
		bucket->deadline[way] = deadline;
}

/* Only if the place still is that flow's. */
static __always_inline void pc_mark_answered(const struct pc_flow_query *query)
{
	struct pc_flow_bucket *bucket = pc_flow_bucket_at(query->index / PC_FLOW_WAYS);

	if (bucket)
		(void)__sync_val_compare_and_swap(&bucket->tag[query->index % PC_FLOW_WAYS],
						  query->tag, query->tag | PC_FLOW_ANSWERED);
}

/* It is over at once. */
static __always_inline void pc_end_flow(__u32 index, __u32 now)
{
	pc_prolong(index, now - 1);
}

/* Replaces the flow's state if it still is `before`; so each change is made once. The low byte of
 * the word is the state: BPF runs on little-endian machines here.
 */
static __always_inline bool pc_change_state(struct pc_flow_entry *entry, __u8 before, __u8 after)
{
	__u32 *word = (__u32 *)(void *)&entry->state, old = *(volatile __u32 *)word;

	if ((old & 0xff) != before)
		return false;
	return __sync_val_compare_and_swap(word, old, (old & ~0xffU) | after) == old;
}

static __always_inline void pc_set_flag(struct pc_flow_entry *entry, __u32 flag)
{
	__u32 *word = (__u32 *)(void *)&entry->state;

	if (!(entry->flags & flag))
		__sync_fetch_and_or(word, flag << 8);
}
