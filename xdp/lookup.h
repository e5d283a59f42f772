/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The classifier: which rule comes first of those that a packet matches, at a cost that hardly
 * grows with the rules. ARCHITECTURE.md, "Classifier", says how it works. What a rule does, what is
 * counted and when `out` is found out is walk.h's business. The host compiles this too, for tests.
 *
 *	query->packet = ...;		(and all of "given" in query.h)
 *	pc_find_rows(query);
 *	pc_first_match(query);		(found, rule; again with `from` = found + 1)
 */
#pragma once

#include "rules/hash.h"
#include "xdp/rows.h"

/* The search for the first match: what bpf_loop() carries from step to step. */
struct pc_scan {
	const void *arena;
	struct pc_query *query;
	const struct pc_tables *tables;
	__u64 seed;
	__u64 words; /* bit w: word w is still to be looked at */
	__u64 left;  /* candidates left in the word that is */
	__u64 addr;  /* the key of the chain at hand */
	__u32 first; /* the first tuple of that word */
	__u32 tag;
	__u32 next; /* bucket of the chain; 0: take the next candidate */
	__u32 best;
	__u32 rule;
	__u32 zero;
};

/* BPF has no instruction for it. By a de Bruijn sequence: 64 shifts of it start with 64 different
 * groups of six bits.
 */
static const __u8 pc_bit_of[64] __attribute__((aligned(64))) = {
	0,  1,	2,  53, 3,  7,	54, 27, 4,  38, 41, 8,	34, 55, 48, 28, 62, 5,	39, 46, 44, 42,
	22, 9,	24, 35, 59, 56, 49, 18, 29, 11, 63, 52, 6,  26, 37, 40, 33, 47, 61, 45, 43, 21,
	23, 58, 17, 10, 51, 25, 36, 32, 60, 20, 57, 16, 50, 31, 19, 15, 30, 14, 13, 12,
};

static __always_inline __u32 pc_lowest_bit(__u64 bits)
{
	__u64 group = ((bits & -bits) * 0x022fdd63cc95386dULL) >> 58;

	return ((const volatile __u8 *)pc_bit_of)[group & 63];
}

enum pc_step { PC_STEP_BUCKET, PC_STEP_NEXT, PC_STEP_END };

static __always_inline const struct pc_tuple *pc_tuple_at(const struct pc_scan *scan, __u32 tuple)
{
	return pc_at_offset(scan->arena, scan->query->base + scan->tables->tuples +
						 (__u64)tuple * sizeof(struct pc_tuple));
}

static __always_inline __u64 pc_key_addr(const struct pc_scan *scan, const struct pc_tuple *tuple)
{
	const __u64 *addr = scan->query->addr;

	if (scan->query->packet.family == 4)
		return addr[0] & tuple->addr[0];
	return pc_fold_addr(scan->seed, addr[0] & tuple->addr[0], addr[1] & tuple->addr[1],
			    addr[2] & tuple->addr[2], addr[3] & tuple->addr[3]);
}

/* Finds the bucket of the next tuple that may hold something better. */
static __always_inline enum pc_step pc_next_chain(struct pc_scan *scan)
{
	const struct pc_query *query = scan->query;
	const struct pc_tables *tables = scan->tables;
	const struct pc_tuple *tuple;
	const struct pc_best *best;
	struct pc_key key;

	if (!scan->left) {
		__u64 word;

		if (!scan->words)
			return PC_STEP_END;
		word = pc_lowest_bit(scan->words);
		scan->words &= scan->words - 1;
		scan->left = query->together[word & (PC_ROW_WORDS_MAX - 1)];
		scan->first = word * 64;
	}
	key.tuple = scan->first + pc_lowest_bit(scan->left);
	scan->left &= scan->left - 1;
	best = pc_at_offset(scan->arena,
			    query->base + tables->bests + (__u64)key.tuple * sizeof(*best));
	if (best->suffix >= scan->best)
		return PC_STEP_END;
	if (best->own >= scan->best)
		return PC_STEP_NEXT;
	tuple = pc_tuple_at(scan, key.tuple);
	key.addr = pc_key_addr(scan, tuple);
	key.sport = query->sport & tuple->sport;
	key.dport = query->dport & tuple->dport;
	key.rest = query->rest & tuple->rest;
	scan->addr = key.addr;
	scan->tag = PC_TAG(key.tuple, key.rest);
	scan->next = pc_hash(scan->seed, &key) & tables->bucket_mask;
	return PC_STEP_BUCKET;
}

/* The entry's priority, or PC_PRIORITY_NONE if it does not hold, without a branch. */
static __always_inline __u32 pc_entry_priority(const struct pc_scan *scan,
					       const struct pc_bucket *bucket, __u32 i)
{
	const struct pc_query *query = scan->query;
	__u64 priority, sport, dport, bad, below;

	i &= 1;
	priority = bucket->priority[i];
	sport = bucket->sport[i];
	dport = bucket->dport[i];
	bad = (scan->addr ^ bucket->key[i]) | (scan->tag ^ bucket->tag[i]);
	bad |= (query->needs * (__u64)(PC_RULE_AT_TC / PC_AT_TC)) & ~bucket->rule[i];
	below = (sport & 0xffff) - ((query->range_key[0] - (sport >> 16)) & 0xffff);
	below |= (dport & 0xffff) - ((query->range_key[1] - (dport >> 16)) & 0xffff);
	below |= priority - query->from;
	bad |= below >> 63;
	PC_HIDE(bad);
	bad = (bad | -bad) >> 63;
	PC_HIDE(bad);
	return (__u32)(priority | -bad);
}

/* Keys of IPv6 addresses are folded: what is folded has to be the same as well. */
static __always_inline bool pc_addresses_are(const struct pc_scan *scan, __u32 rule)
{
	const struct pc_tuple *tuple = pc_tuple_at(scan, scan->tag >> 16);
	const __u64 *packet = scan->query->addr;
	const struct pc_addresses *own;

	own = pc_at_offset(scan->arena, scan->query->base + scan->tables->addresses +
						(__u64)PC_RULE_RECORD(rule) * sizeof(*own));
	return !(((packet[0] & tuple->addr[0]) ^ own->words[0]) |
		 ((packet[1] & tuple->addr[1]) ^ own->words[1]) |
		 ((packet[2] & tuple->addr[2]) ^ own->words[2]) |
		 ((packet[3] & tuple->addr[3]) ^ own->words[3]));
}

static __always_inline void pc_try_entry(struct pc_scan *scan, const struct pc_bucket *bucket,
					 __u32 i, __u32 priority)
{
	__u32 rule = bucket->rule[i & 1];

	if (priority >= scan->best)
		return;
	if (rule & (PC_RULE_CHECK | PC_RULE_ADDRESSES)) {
		if (rule & PC_RULE_CHECK ? !pc_rule_holds(scan->query, rule)
					 : !pc_addresses_are(scan, rule))
			return;
	}
	scan->best = priority;
	scan->rule = rule;
}

/* One bucket. True: the search has come to its end. */
static __always_inline bool pc_scan_bucket(struct pc_scan *scan)
{
	const struct pc_bucket *bucket;
	__u32 better, worse;
	__u64 second;

	if (!scan->next) {
		enum pc_step step = pc_next_chain(scan);

		if (step != PC_STEP_BUCKET)
			return step == PC_STEP_END;
	}
	bucket = pc_at_offset(scan->arena, scan->query->base + scan->tables->buckets +
						   (__u64)scan->next * sizeof(*bucket));
	better = pc_entry_priority(scan, bucket, 0);
	worse = pc_entry_priority(scan, bucket, 1);
	/* Which of the two comes first is anybody's guess: no branch. */
	second = (__u64)worse - better;
	PC_HIDE(second);
	second >>= 63;
	better ^= (better ^ worse) & (__u32)-second;
	if (better < scan->best) {
		__u32 before = scan->best;

		pc_try_entry(scan, bucket, second, better);
		/* It did not hold after all: perhaps the other does. */
		if (scan->best == before)
			pc_try_entry(scan, bucket, !second,
				     pc_entry_priority(scan, bucket, !second));
	}
	scan->next = bucket->next;
	if (bucket->next_best >= scan->best)
		scan->next = 0;
	return !(scan->next | scan->left | scan->words);
}

/* False: the maps are not what they should be. */
static __always_inline bool pc_scan_open(struct pc_scan *scan, struct pc_query *query)
{
	const struct pc_generation *generation = pc_generation_of(query);

	scan->arena = pc_arena();
	scan->query = query;
	if (!scan->arena || !generation)
		return false;
	scan->tables = query->packet.family == 4 ? &generation->tables[0] : &generation->tables[1];
	scan->seed = generation->seed;
	return true;
}

/* Between the steps of bpf_loop() the search is in the query: the stack has no room for it. */
static __always_inline void pc_scan_park(const struct pc_scan *scan, struct pc_query *query)
{
	query->candidates = scan->words;
	query->left = scan->left;
	query->chain_addr = scan->addr;
	query->first = scan->first;
	query->tag = scan->tag;
	query->next = scan->next;
	query->found = scan->best;
	query->rule = scan->rule;
}

static long pc_scan_step(__u32 index, void *context)
{
	struct pc_query *query = *(struct pc_query **)context;
	struct pc_scan scan;
	bool end;

	(void)index;
	if (!pc_scan_open(&scan, query))
		return 1;
	scan.words = query->candidates;
	scan.left = query->left;
	scan.addr = query->chain_addr;
	scan.first = query->first;
	scan.tag = query->tag;
	scan.next = query->next;
	scan.best = query->found;
	scan.rule = query->rule;
	end = pc_scan_bucket(&scan);
	pc_scan_park(&scan, query);
	return end;
}

/* Most packets need no more steps than these, which cost less than those of bpf_loop(). */
#define PC_STEPS_INLINE 3

/* Sets `found` and `rule`. 0, or 1: the maps are not what they should be. */
PC_SUBPROGRAM int pc_first_match(struct pc_query *query)
{
	struct pc_scan scan = {};
	__u64 candidates;
	__u32 i;

	if (!query || !pc_scan_open(&scan, query))
		return 1;
	candidates = query->candidates;
	scan.words = candidates;
	scan.best = PC_PRIORITY_NONE;
#pragma clang loop unroll(disable)
	for (i = 0; i < PC_STEPS_INLINE; i++) {
		if (pc_scan_bucket(&scan))
			break;
	}
	pc_scan_park(&scan, query);
	if (i == PC_STEPS_INLINE)
		bpf_loop(PC_STEPS_MAX, pc_scan_step, &query, 0);
	/* The next search begins as this one did. */
	query->candidates = candidates;
	return 0;
}
