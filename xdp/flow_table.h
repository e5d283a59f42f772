/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flow table: rules/abi_flow.h says what it looks like, ARCHITECTURE.md, "Flows", why. A flow
 * is linked from one of two buckets of eight. A look-up reads the links of the first, the entries
 * of those whose tag is right, and where none is the flow's, the second bucket. Entries are owned,
 * links set and the list of free entries changed by compare and exchange; no lock is held.
 */
#pragma once

#include "rules/hash.h"
#include "xdp/maps.h"
#include "xdp/flow_tcp.h"

/* Flows that are over stay in their place for so long: whoever found them is done with them then.
 */
#define PC_FLOW_REST_TICKS 2

/* Where the flow was whose entry was taken. */
struct pc_flow_place {
	__u32 bucket;
	__u32 way; /* PC_FLOW_WAYS: no flow's, or the same one's */
	__u32 index;
	__u32 link; /* what led to it there */
};

struct pc_flow_query {
	/* Given: of the packet. */
	__be32 addr[2][4]; /* sender, receiver */
	__u16 port[2];	   /* host order; ICMP: the identifier, twice */
	__u8 proto;
	__u8 family;
	__u8 again; /* set by pc_follow_flow(): the packet begins the next flow of these ports */
	__u8 zone;  /* that it came from, or PC_ZONE_OWN */
	__u32 now;  /* ticks */

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

/* State, flags and tc_judged. BPF runs on little-endian machines here: the low byte is the state,
 * the next one has the flags.
 */
static __always_inline __u32 *pc_flow_word(struct pc_flow_entry *entry)
{
	return (__u32 *)(void *)&entry->state;
}

/* Which side began. */
static __always_inline __u32 pc_flow_origin(const struct pc_flow_entry *entry)
{
	return PC_WHERE_ORIGIN(entry->where);
}

/* Is it the query's flow, and not over? */
static __always_inline bool pc_is_flow(const struct pc_flow_query *query,
				       const struct pc_flow_entry *entry)
{
	__u32 side = query->side & 1, other = !side;

	return (entry->flags & PC_FLOW_LIVE) && entry->port[side] == query->port[0] &&
	       entry->port[other] == query->port[1] && entry->proto == query->proto &&
	       PC_WHERE_FAMILY(entry->where) == query->family &&
	       pc_same_address(entry->addr[side], query->addr[0]) &&
	       pc_same_address(entry->addr[other], query->addr[1]) &&
	       !pc_flow_is_over(entry->deadline, query->now);
}

/* 1: that is the flow. */
PC_SUBPROGRAM int pc_is_at(struct pc_flow_query *query, __u32 index)
{
	const struct pc_flow_entry *entry = pc_flow_at(index);

	if (!query || !entry || !pc_is_flow(query, entry))
		return 0;
	query->index = index;
	return 1;
}

static __always_inline bool pc_find_in_bucket(struct pc_flow_query *query, __u32 which)
{
	__u32 index = query->bucket[which & 1], way;
	const struct pc_flow_bucket *bucket = pc_flow_bucket_at(index);
	__u64 ways = 0;

	if (!bucket)
		return false;
#pragma clang loop unroll(full)
	for (way = 0; way < PC_FLOW_WAYS; way++) {
		/* Without branches: the verifier would go both ways at each. */
		__u64 same = bucket->link[way] >> PC_FLOW_INDEX_BITS ^ query->tag;

		same = same - 1;
		asm volatile("" : "+r"(same));
		ways |= same >> 63 << way;
	}
#pragma clang loop unroll(disable)
	for (way = 0; way < PC_FLOW_WAYS && ways >> way; way++) {
		if ((ways >> way & 1) && pc_is_at(query, PC_FLOW_LINK_INDEX(bucket->link[way & 7])))
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
	query->tag = PC_FLOW_TAG_OF_HASH(hash);
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
	__u64 *source = pc_flow_source(globals->seed, PC_WHERE_FAMILY(entry->where),
				       entry->addr[pc_flow_origin(entry)]);

	if (source)
		__sync_fetch_and_add(source, -1);
	if (pc_is_half_open(entry->state))
		__sync_fetch_and_add(&globals->half_open, -1);
	__sync_fetch_and_add(&globals->live, -1);
}

static __always_inline bool pc_is_unanswered(__u8 state)
{
	return state == PC_FLOW_TCP_SYN_SENT || state == PC_FLOW_UDP_NEW ||
	       state == PC_FLOW_ICMP_NEW || state == PC_FLOW_OTHER_NEW;
}

/* Flows that were answered never do. */
static __always_inline bool pc_gives_way(__u8 state)
{
	return pc_is_half_open(state) || pc_is_unanswered(state);
}

#define PC_FLOW_NONE  0xffffffffU
#define PC_LIST_TRIES 8

/* The last entry that was given back, so that those in use are close together, else one that was
 * never used. It is the caller's then. PC_FLOW_NONE: there is none.
 */
PC_SUBPROGRAM int pc_take_entry(void)
{
	__u32 zero = 0, index, i;
	struct pc_flow_free *unused = bpf_map_lookup_elem(&flow_free, &zero);
	const struct pc_flow_entry *entry;
	__u64 list, next;

	if (!unused)
		return (int)PC_FLOW_NONE;
#pragma clang loop unroll(disable)
	for (i = 0; i < PC_LIST_TRIES; i++) {
		list = *(volatile __u64 *)&unused->list;
		index = (__u32)list - 1;
		entry = pc_flow_at(index);
		if (!entry)
			break;
		next = ((list >> 32) + 1) << 32 | *(const volatile __u32 *)&entry->delta;
		if (__sync_val_compare_and_swap(&unused->list, list, next) == list)
			return (int)index;
	}
	index = *(volatile __u32 *)&unused->fresh;
	if (!pc_flow_at(index))
		return (int)PC_FLOW_NONE;
	index = __sync_fetch_and_add(&unused->fresh, 1);
	return pc_flow_at(index) ? (int)index : (int)PC_FLOW_NONE;
}

/* Nobody else has it, and no bucket leads to it. Where all others are quicker each time, it is lost
 * to this table.
 */
PC_SUBPROGRAM int pc_give_entry(__u32 index)
{
	__u32 zero = 0, i;
	struct pc_flow_free *unused = bpf_map_lookup_elem(&flow_free, &zero);
	struct pc_flow_entry *entry = pc_flow_at(index);
	__u64 list, next;

	if (!unused || !entry)
		return 0;
#pragma clang loop unroll(disable)
	for (i = 0; i < PC_LIST_TRIES; i++) {
		list = *(volatile __u64 *)&unused->list;
		entry->delta = (__u32)list;
		next = ((list >> 32) + 1) << 32 | (index + 1);
		if (__sync_val_compare_and_swap(&unused->list, list, next) == list)
			return 0;
	}
	return 0;
}

#define PC_PLACE_OVER 1 /* its flow is */
#define PC_PLACE_NONE 0xffffffffU

/* How good an entry with a flow is to take; lower is better. A subprogram: the verifier then goes
 * through a bucket once, not in every way that its flows can be.
 */
PC_SUBPROGRAM int pc_entry_worth(__u32 index, __u32 now)
{
	const struct pc_flow_entry *entry = pc_flow_at(index);

	if (!entry || !(entry->flags & PC_FLOW_LIVE))
		return (int)PC_PLACE_NONE;
	if (pc_flow_is_over(entry->deadline + PC_FLOW_REST_TICKS, now))
		return PC_PLACE_OVER;
	if (!pc_gives_way(entry->state) || pc_flow_is_over(entry->deadline, now))
		return (int)PC_PLACE_NONE;
	/* Unanswered: the one that would end first. */
	return (int)(2 + entry->deadline - now);
}

static __always_inline bool pc_has_room(__u32 index)
{
	const struct pc_flow_bucket *bucket = pc_flow_bucket_at(index);
	__u32 way, full = 1;

	if (!bucket)
		return false;
#pragma clang loop unroll(full)
	for (way = 0; way < PC_FLOW_WAYS; way++)
		full &= !!bucket->link[way];
	return !full;
}

static __always_inline void pc_best_place(const struct pc_flow_query *query, __u32 which,
					  __u32 *best, struct pc_flow_place *place)
{
	__u32 index = query->bucket[which & 1], way;
	const struct pc_flow_bucket *bucket = pc_flow_bucket_at(index);

	if (!bucket)
		return;
#pragma clang loop unroll(disable)
	for (way = 0; way < PC_FLOW_WAYS; way++) {
		__u32 link = bucket->link[way], worth = PC_PLACE_NONE;

		if (link)
			worth = (__u32)pc_entry_worth(PC_FLOW_LINK_INDEX(link), query->now);
		if (worth < *best) {
			*best = worth;
			place->bucket = index;
			place->way = way;
			place->index = PC_FLOW_LINK_INDEX(link);
			place->link = link;
		}
	}
}

/* Takes an entry from its flow, which is over then. `any`: also from one that does not give way. */
PC_SUBPROGRAM int pc_own_entry(__u32 index, __u32 any, __u32 now)
{
	struct pc_flow_globals *globals = pc_globals();
	struct pc_flow_entry *entry = pc_flow_at(index);
	__u32 word;

	if (!entry || !globals)
		return 0;
	word = *(volatile __u32 *)pc_flow_word(entry);
	/* It may have become another's since, or been answered: after `word` was read, that shows.
	 */
	if (!(word & PC_FLOW_LIVE << 8) ||
	    (!any && (__u32)pc_entry_worth(index, now) == PC_PLACE_NONE) ||
	    __sync_val_compare_and_swap(pc_flow_word(entry), word,
					word & ~(__u32)(PC_FLOW_LIVE << 8)) != word)
		return 0; /* another CPU was quicker: the packet comes again */
	pc_flow_uncount(globals, entry);
	return 1;
}

/* An entry for the query's flow, at query->index. */
PC_SUBPROGRAM int pc_find_place(struct pc_flow_query *query, struct pc_flow_place *place)
{
	__u32 best = PC_PLACE_NONE;

	if (!query || !place)
		return 0;
	place->way = PC_FLOW_WAYS;
	if (pc_has_room(query->bucket[0]) || pc_has_room(query->bucket[1])) {
		query->index = (__u32)pc_take_entry();
		if (query->index != PC_FLOW_NONE)
			return 1;
	}
	pc_best_place(query, 0, &best, place);
	if (best != PC_PLACE_OVER)
		pc_best_place(query, 1, &best, place);
	query->index = place->index;
	return best != PC_PLACE_NONE && pc_own_entry(place->index, 0, query->now);
}

/* 1: done. */
PC_SUBPROGRAM int pc_link_in(__u32 index, __u32 link)
{
	struct pc_flow_bucket *bucket = pc_flow_bucket_at(index);
	__u32 way;

	if (!bucket)
		return 0;
#pragma clang loop unroll(disable)
	for (way = 0; way < PC_FLOW_WAYS; way++)
		if (!bucket->link[way] && !__sync_val_compare_and_swap(&bucket->link[way], 0, link))
			return 1;
	return 0;
}

/* False: others took what was free, and the entry is given back. */
static __always_inline bool pc_publish_flow(const struct pc_flow_query *query,
					    const struct pc_flow_place *place, __u32 deadline)
{
	__u32 link = PC_FLOW_LINK(query->tag, query->index);
	struct pc_flow_bucket *bucket = pc_flow_bucket_at(place->bucket);
	struct pc_flow_entry *entry = pc_flow_at(query->index);
	bool linked;

	if (!bucket || !entry)
		return false;
	entry->deadline = deadline;
	/* The place may have become another flow's before the entry was taken. */
	linked = query->again || (place->way < PC_FLOW_WAYS &&
				  __sync_val_compare_and_swap(&bucket->link[place->way & 7],
							      place->link, link) == place->link);
	if (!linked && !pc_link_in(query->bucket[0], link) && !pc_link_in(query->bucket[1], link)) {
		pc_give_entry(query->index);
		return false;
	}
	/* With a barrier: all that was written before is there when the flag is. */
	__sync_fetch_and_or(pc_flow_word(entry), PC_FLOW_LIVE << 8);
	return true;
}

/* Moves the end of a flow. Most packets find it where it has to be. */
static __always_inline void pc_prolong(struct pc_flow_entry *entry, __u32 deadline)
{
	if (entry->deadline != deadline)
		entry->deadline = deadline;
}

/* It is over at once. */
static __always_inline void pc_end_flow(struct pc_flow_entry *entry, __u32 now)
{
	pc_prolong(entry, now - 1);
}

/* Replaces the flow's state if it still is `before`; so each change is made once. */
static __always_inline bool pc_change_state(struct pc_flow_entry *entry, __u8 before, __u8 after)
{
	__u32 *word = pc_flow_word(entry), old = *(volatile __u32 *)word;

	if ((old & 0xff) != before)
		return false;
	return __sync_val_compare_and_swap(word, old, (old & ~0xffU) | after) == old;
}

static __always_inline void pc_set_flag(struct pc_flow_entry *entry, __u32 flag)
{
	if (!(entry->flags & flag))
		__sync_fetch_and_or(pc_flow_word(entry), flag << 8);
}
