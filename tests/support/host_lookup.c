/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The look-up of the kernel programs, compiled for the host: in the place of the maps there is one
 * generation and one arena, which the caller gives.
 */
#include <stddef.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunknown-pragmas" /* clang's, which the kernel's build heeds */

#include "tests/support/host_lookup_c.h"

#define bpf_map_lookup_elem(map, key)	      ((void)(key), pc_host_map(map))
#define bpf_loop(count, step, context, flags) pc_host_loop(count, step, context)
#define PC_SUBPROGRAM			      __attribute__((noinline)) static

static __thread const void *pc_host_arena;
static __thread const struct pc_generation *pc_host_head;
static __thread __u32 pc_arena_mask;
static const int classifier, generations;

static void *pc_host_map(const int *map)
{
	return map == &classifier ? (void *)pc_host_arena : (void *)pc_host_head;
}

static void pc_host_loop(__u32 count, long (*step)(__u32, void *), void *context)
{
	__u32 i;

	for (i = 0; i < count && !step(i, context); i++)
		;
}

#include "xdp/lookup.h"

void pc_host_use(const void *arena, __u32 mask, const struct pc_generation *head)
{
	pc_host_arena = arena;
	pc_host_head = head;
	pc_arena_mask = mask;
}

static int pc_host_prepare(const struct pc_host_question *question, struct pc_query *query)
{
	memset(query, 0, sizeof(*query));
	query->packet = question->packet;
	query->jiffies = question->jiffies;
	query->in_zone = question->in_zone;
	query->in_bit = 1ULL << question->in_zone;
	query->out_bits = question->out_known ? 1ULL << question->out_zone : ~0ULL;
	query->needs = question->own ? PC_AT_TC : 0;
	query->state_bit = question->state_bit ? question->state_bit : PC_STATE_NEW;
	return pc_find_rows(query);
}

int pc_host_walk(const struct pc_host_question *question, struct pc_host_answer *answers, int max)
{
	struct pc_query query;
	int count;

	if (pc_host_prepare(question, &query))
		return -1;
	for (count = 0; count < max; count++) {
		struct pc_host_answer *answer = &answers[count];
		const struct pc_record *record;

		if (pc_first_match(&query))
			return -1;
		if (query.found == PC_PRIORITY_NONE)
			return count;
		record = pc_record_at(pc_host_arena, &query, pc_host_head, query.rule);
		answer->priority = query.found;
		answer->action = PC_RULE_ACTION(query.rule);
		answer->rule_id =
			query.rule & PC_RULE_CHECK ? record->rule_id : PC_RULE_RECORD(query.rule);
		query.from = query.found + 1;
		if (answer->action < PC_ACTION_MARK)
			return count + 1;
	}
	return count;
}

static void pc_host_read(struct pc_scan *scan, struct pc_host_reads *cost)
{
	const struct pc_bucket *bucket;
	__u32 i;

	bucket = pc_at_offset(scan->arena, scan->query->base + scan->tables->buckets +
						   (__u64)scan->next * sizeof(*bucket));
	cost->buckets++;
	for (i = 0; i < 2; i++) {
		if (pc_entry_priority(scan, bucket, i) != PC_PRIORITY_NONE &&
		    (bucket->rule[i] & (PC_RULE_CHECK | PC_RULE_ADDRESSES)))
			cost->records++;
	}
	scan->next = bucket->next;
}

int pc_host_cost(const struct pc_host_question *question, struct pc_host_reads *cost)
{
	struct pc_query query;
	struct pc_scan scan = { 0 };
	enum pc_step step;

	memset(cost, 0, sizeof(*cost));
	if (pc_host_prepare(question, &query) || !pc_scan_open(&scan, &query))
		return -1;
	scan.words = query.candidates;
	scan.best = PC_PRIORITY_NONE; /* and it stays */
	while (scan.words | scan.left) {
		step = pc_next_chain(&scan);
		if (step == PC_STEP_END)
			break;
		if (step == PC_STEP_NEXT)
			continue;
		do {
			pc_host_read(&scan, cost);
		} while (scan.next);
	}
	return 0;
}

unsigned pc_host_block(const struct pc_host_question *question)
{
	struct pc_query query;

	return pc_host_prepare(question, &query) ? 0 : query.block_hits;
}
