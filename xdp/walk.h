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

#include "xdp/count.h"
#include "xdp/events.h"
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
	__u8 zero[2];
	__u32 position;
	__u32 rule_id;
	/* Of the mark rules passed so far: new = (old & ~mark_mask) | mark. */
	__u32 mark, mark_mask;
	__u32 zero2;
};

static __always_inline void pc_memberships(__u32 generation, __u8 family, const __be32 *addr,
					   struct pc_addr_sets *sets)
{
	struct pc_addr_key key = { .prefixlen = 32 + 128, .family = bpf_htonl(family) };
	void *lists = bpf_map_lookup_elem(&addr_sets, &generation);
	const struct pc_addr_sets *found = NULL;

	__builtin_memcpy(key.addr, addr, sizeof(key.addr));
	if (lists)
		found = bpf_map_lookup_elem(lists, &key);
	if (found)
		*sets = *found;
	else
		__builtin_memset(sets, 0, sizeof(*sets));
}

/* Fills in what is the same for each rule: once for each packet. */
static __always_inline void pc_walk_start(struct pc_walk *walk,
					  const struct pc_generation *generation)
{
	struct pc_query *query = &walk->query;
	const struct pc_packet *packet = &query->packet;

	query->generation = walk->slot;
	query->records = generation->records;
	query->in_bit = 1ULL << (walk->in_zone % PC_ZONES_MAX);
	query->dscp_bit = 1ULL << (packet->dscp % 64);
	query->lacks = ~packet->flags & (PC_NEEDS_PORTS | PC_NEEDS_ICMP | PC_NEEDS_TCP_FLAGS);
	query->needs = walk->own_packet ? PC_AT_TC : 0;
	query->family_bit = packet->family == 4 ? PC_IPV4 : PC_IPV6;
	walk->position = 0;
	walk->mark = 0;
	walk->mark_mask = 0;
	if (generation->flags & PC_GEN_SADDR_SETS)
		pc_memberships(walk->slot, packet->family, packet->saddr, &query->src_sets);
	if (generation->flags & PC_GEN_DADDR_SETS)
		pc_memberships(walk->slot, packet->family, packet->daddr, &query->dst_sets);
}

static __always_inline void pc_pass_rule(struct pc_walk *walk, const struct pc_record *record)
{
	struct pc_happening what = {
		.packet = &walk->query.packet,
		.slot = walk->slot,
		.jiffies = walk->jiffies,
		.ifindex = walk->ifindex,
		.rule_id = record->rule_id,
		.log = record->log,
		.reason = PC_REASON_NONE,
		.action = record->action,
		.hook = walk->hook,
	};

	pc_count_rule(record->rule_id, walk->query.packet.len, walk->jiffies);
	if (record->action == PC_ACTION_MARK) {
		walk->mark = (walk->mark & ~record->mark_mask) | record->mark;
		walk->mark_mask |= record->mark_mask;
	}
	if (record->log)
		pc_report(&what);
}

static long pc_walk_step(__u32 index, void *context)
{
	struct pc_walk *walk = *(struct pc_walk **)context;
	const struct pc_record *record;
	__u8 at_tc;

	(void)index;
	pc_first_match(&walk->query);
	walk->position = walk->query.found;
	walk->query.from = walk->position + 1;
	walk->end = PC_WALK_NO_RULE;
	if (walk->position >= walk->query.records)
		return 1;
	record = pc_record_at(walk->slot, walk->position);
	walk->end = PC_WALK_BROKEN;
	if (!record)
		return 1;
	at_tc = !!(record->flags & PC_AT_TC);
	if (record->action >= PC_ACTION_MARK) {
		if (at_tc == (walk->hook == PC_HOOK_TC))
			pc_pass_rule(walk, record);
		return 0;
	}
	walk->end = PC_WALK_RULE;
	if (!walk->out_known && at_tc && ~record->out_zones)
		walk->end = PC_WALK_NEEDS_OUT;
	walk->at_tc = at_tc;
	walk->action = record->action;
	walk->log = record->log;
	walk->inspect = record->inspect;
	walk->rule_id = record->rule_id;
	return 1;
}

/* enum pc_walk_end. Goes on at walk.position: the rule that needed `out` is asked again. */
static __noinline int pc_walk_on(struct pc_walk *walk)
{
	walk->query.out_bits = walk->out_known ? 1ULL << (walk->out_zone % PC_ZONES_MAX) : ~0ULL;
	walk->query.from = walk->position;
	walk->end = PC_WALK_BROKEN;
	/* More than a slot holds: the next ones are another generation's. */
	if (walk->query.records > PC_RECORDS_MAX)
		return walk->end;
	bpf_loop(PC_RECORDS_MAX + 1, pc_walk_step, &walk, 0);
	return walk->end;
}
