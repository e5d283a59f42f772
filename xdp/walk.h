/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walk down the list of rules, for XDP and for TC egress: ARCHITECTURE.md, "Hooks". Rules that
 *count or mark do so on their own hook and the walk goes on; the first other rule that matches ends
 *it.
 *
 *	walk = ...;			(in a per-CPU map: see struct pc_query)
 *	pc_parse(&cursor, &walk->query.packet)
 *	walk->slot = ...;		(and all of "given" below)
 *	pc_walk_start(walk, generation);
 *	switch (pc_walk_on(walk)) {	(PC_WALK_RULE: walk->action, walk->rule_id, ...)
 *
 * PC_WALK_NEEDS_OUT is the answer when a rule of TC would decide, but `out` is not known: find it,
 *set out_zone and out_known, and call pc_walk_on() again. It does not come when out_known was set.
 */
#pragma once

#include "xdp/maps.h"
#include "xdp/count.h"
#include "xdp/events.h"
#include "xdp/limit.h"
#include "xdp/lookup.h"
#include "xdp/zone.h"

enum pc_walk_end {
	PC_WALK_NO_RULE,
	PC_WALK_RULE,
	PC_WALK_NEEDS_OUT,
	PC_WALK_BROKEN, /* the generation does not hold the records it says */
};

struct pc_walk {
	struct pc_query query; /* its packet is given, the rest is the walk's own */

	/* Given. */
	__u64 jiffies;
	__u32 slot;	 /* control.active, read once for each packet */
	__u32 ifindex;	 /* for events */
	__u8 hook;	 /* enum pc_hook */
	__u8 own_packet; /* made by the router itself: only rules of TC are asked */
	__u8 in_zone;	 /* 0: in none, or its own packet */
	__u8 out_zone;	 /* 0: none */
	__u8 out_known;

	/* The answer. */
	__u8 end;    /* enum pc_walk_end */
	__u8 action; /* enum pc_action of the rule that decides */
	__u8 log;    /* its enum pc_log */
	__u8 at_tc;  /* 1: it is a rule of TC */
	__u8 inspect;
	__u8 limited;	/* 1: it decides because its limit was exceeded */
	__u8 keep;	/* 1: flows that it accepts are not judged again */
	__u32 position; /* the lowest priority that the walk has not passed */
	__u32 rule_id;
	/* Of the mark rules passed so far: new = (old & ~mark_mask) | mark. */
	__u32 mark, mark_mask;
	__u32 zero2;

	/* What pc_walk_opening() puts back. */
	struct {
		__u8 flags, icmp_type, in_zone, out_zone, out_known, own_packet, hook, turned;
	} before;
};

/* Asks for all that is the same for each rule: once for each packet. 0: well. */
static __always_inline int pc_walk_start(struct pc_walk *walk)
{
	struct pc_query *query = &walk->query;

	query->generation = walk->slot;
	query->jiffies = walk->jiffies;
	query->in_zone = walk->in_zone;
	query->in_bit = 1ULL << (walk->in_zone % PC_ZONES_MAX);
	query->needs = walk->own_packet ? PC_AT_TC : 0;
	walk->position = 0;
	walk->mark = 0;
	walk->mark_mask = 0;
	walk->limited = 0;
	return pc_find_rows(query);
}

/* A rule without PC_RULE_CHECK has the id of its record, and none of what the record says more. */
static __always_inline const struct pc_record *pc_walk_record(const struct pc_walk *walk)
{
	const struct pc_query *query = &walk->query;
	const struct pc_generation *generation = pc_generation_of(query);
	const void *arena = pc_arena();

	if (!arena || !generation)
		return NULL;
	return pc_record_at(arena, query, generation, query->rule);
}

static __always_inline void pc_walk_mark(struct pc_walk *walk, __u32 mark, __u32 mask)
{
	walk->mark = (walk->mark & ~mask) | mark;
	walk->mark_mask |= mask;
}

/* Not inlined: its stack is not to be there while the next rule is looked up. */
static __noinline int pc_pass_rule(struct pc_walk *walk, const struct pc_record *record)
{
	struct pc_happening what = {
		.packet = &walk->query.packet,
		.slot = walk->slot,
		.jiffies = walk->jiffies,
		.ifindex = walk->ifindex,
		.rule_id = record->rule_id,
		.log = walk->log,
		.reason = PC_REASON_NONE,
		.action = record->action,
		.hook = walk->hook,
	};

	pc_count_rule(record->rule_id, walk->query.packet.len, walk->jiffies);
	if (record->action == PC_ACTION_MARK)
		pc_walk_mark(walk, record->mark, record->mark_mask);
	if (what.log)
		pc_report(&what);
	return 0;
}

/* Charges the limit of a rule that matched. True: it is exceeded, and that ends the walk. */
PC_SUBPROGRAM int pc_walk_charge(struct pc_walk *walk, __u32 id)
{
	__u32 index;
	const struct pc_limit *limit;
	int over;

	if (!walk)
		return 0;
	index = walk->slot * PC_LIMITS_MAX + id;
	limit = bpf_map_lookup_elem(&limits, &index);
	if (!limit || (limit->of == PC_LIMIT_FLOWS && walk->query.state_bit != PC_STATE_NEW))
		return 0;
	over = pc_limit_exceeded(&walk->query.packet, id, walk->slot, walk->in_zone, walk->rule_id);
	if (over == 1 + PC_OVER_DROP || over == 1 + PC_OVER_REJECT) {
		walk->action = over == 1 + PC_OVER_DROP ? PC_ACTION_DROP : PC_ACTION_REJECT;
		walk->limited = 1;
		return 1;
	}
	if (over == 1 + PC_OVER_MARK)
		pc_walk_mark(walk, limit->mark, limit->mark_mask);
	if (over == 1 + PC_OVER_LOG && !walk->log)
		walk->log = PC_LOG_SAMPLED;
	return 0;
}

/* 1: the rule that was found ends the walk, or there is none. */
static __always_inline bool pc_walk_ends(struct pc_walk *walk)
{
	__u32 rule = walk->query.rule;
	bool at_tc = rule & PC_RULE_AT_TC, own_hook;
	const struct pc_record *record;

	walk->position = walk->query.found;
	walk->end = PC_WALK_NO_RULE;
	if (walk->query.found == PC_PRIORITY_NONE)
		return true;
	walk->end = PC_WALK_RULE;
	walk->action = PC_RULE_ACTION(rule);
	walk->log = PC_RULE_LOG(rule);
	walk->keep = 0;
	walk->at_tc = at_tc;
	walk->rule_id = PC_RULE_RECORD(rule);
	if (walk->action < PC_ACTION_MARK && !walk->out_known && at_tc &&
	    (rule & PC_RULE_NAMES_OUT)) {
		walk->end = PC_WALK_NEEDS_OUT;
		return true;
	}
	if (walk->action < PC_ACTION_INSPECT && !(rule & PC_RULE_CHECK))
		return true;
	record = pc_walk_record(walk);
	if (!record) {
		walk->end = PC_WALK_BROKEN;
		return true;
	}
	walk->rule_id = record->rule_id;
	walk->inspect = record->inspect;
	walk->keep = !!(record->flags & PC_KEEP_FLOWS);
	own_hook = walk->hook == (at_tc ? PC_HOOK_TC : PC_HOOK_XDP);
	if (record->limit && own_hook && pc_walk_charge(walk, record->limit))
		return true;
	if (walk->action < PC_ACTION_MARK)
		return true;
	if (own_hook)
		pc_pass_rule(walk, record);
	return false;
}

/* The next rule that matches. True: the walk has come to its end. */
static __always_inline bool pc_walk_rule(struct pc_walk *walk)
{
	walk->query.from = walk->position;
	if (pc_first_match(&walk->query)) {
		walk->end = PC_WALK_BROKEN;
		return true;
	}
	if (pc_walk_ends(walk))
		return true;
	walk->position++;
	return false;
}

static long pc_walk_step(__u32 index, void *context)
{
	(void)index;
	return pc_walk_rule(*(struct pc_walk **)context);
}

/* enum pc_walk_end. Goes on at walk.position: the rule that needed `out` is asked again. */
PC_SUBPROGRAM int pc_walk_on(struct pc_walk *walk)
{
	if (!walk)
		return PC_WALK_BROKEN;
	walk->query.out_bits = walk->out_known ? 1ULL << (walk->out_zone % PC_ZONES_MAX) : ~0ULL;
	walk->end = PC_WALK_BROKEN;
	/* Mostly the first rule ends it. */
	if (!pc_walk_rule(walk))
		bpf_loop(PC_RULES_MAX + 1, pc_walk_step, &walk, 0);
	return walk->end;
}
