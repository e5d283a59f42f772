/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows at TC egress. What came in by an attached interface was judged and followed by XDP; seen
 * here for the first time are packets of the router itself, and what NAT made of forwarded ones:
 * their flows are made here, so that the answers are known to XDP.
 */
#pragma once

#include "tc/syn_proxy.h"

/* The flow began at XDP, the rules changed since, and its next packet comes by an interface where
 * NAT has another tuple for it: the verdict about the flow is found here. True: it passes.
 */
static __always_inline bool pc_still_passes(struct pc_leaving *leaving,
					    const struct pc_generation *generation)
{
	struct pc_flow_query *query = &leaving->query;
	struct pc_flow_entry *entry = pc_flow_at(query->index);
	struct pc_walk *walk = &leaving->walk;
	__u64 decision;
	int end;

	if (!entry || leaving->state != PC_STATE_ESTABLISHED || walk->own_packet ||
	    (entry->flags & PC_FLOW_BORN_AT_TC) || (query->side & 1) == pc_flow_origin(entry))
		return true;
	decision = entry->decision;
	if (pc_is_fresh(decision, &generation->flows))
		return true;
	end = pc_walk_opening(walk, query);
	if (pc_opening_passes(walk, end, entry, generation)) {
		pc_decide(entry, decision, end == PC_WALK_RULE ? walk->rule_id : 0,
			  end == PC_WALK_RULE && walk->keep, &generation->flows);
		return true;
	}
	if (end == PC_WALK_RULE)
		pc_count_rule(walk->rule_id, leaving->bytes, walk->jiffies);
	pc_end_flow(entry, query->now);
	return false;
}

/* Sets leaving->state. False: its flow was cut. */
static __always_inline bool pc_track(struct __sk_buff *skb, struct pc_leaving *leaving,
				     const struct pc_generation *generation)
{
	struct pc_packet *p = &leaving->walk.query.packet;

	leaving->query.now = pc_ticks(leaving->walk.jiffies);
	leaving->query.zone = leaving->walk.own_packet ? PC_ZONE_OWN : leaving->walk.in_zone;
	leaving->state = pc_state_of(skb, p, &leaving->query, leaving->walk.slot, PC_HOOK_TC,
				     generation->flows.loose);
	return !leaving->query.found || pc_still_passes(leaving, generation);
}

static __always_inline bool pc_is_current_at_tc(const struct pc_flow_entry *entry,
						const struct pc_generation *generation)
{
	__u16 judgement = (__u16)generation->flows.judgement;

	return PC_DECISION_KEEP(entry->decision) || (judgement && entry->tc_judged == judgement);
}

/* [zone.*] established holds at TC as well. But what opened a flow that was let out by earlier
 * rules is asked again, as if it were new.
 */
static __always_inline bool pc_needs_no_rules(struct pc_leaving *leaving,
					      const struct pc_generation *generation)
{
	struct pc_walk *walk = &leaving->walk;
	const struct pc_flow_entry *entry;

	walk->query.state_bit = leaving->state;
	if (walk->own_packet || !(leaving->state & (PC_STATE_ESTABLISHED | PC_STATE_RELATED)) ||
	    !(generation->flows.established_zones >> (walk->in_zone % PC_ZONES_MAX) & 1))
		return false;
	if (!leaving->query.found || leaving->state == PC_STATE_RELATED)
		return true;
	entry = pc_flow_at(leaving->query.index);
	if (!entry || (leaving->query.side & 1) != pc_flow_origin(entry) ||
	    pc_is_current_at_tc(entry, generation))
		return true;
	walk->query.state_bit = PC_STATE_NEW;
	return false;
}

/* XDP made the flow before TC knew that the inspector is asked about it. */
static __always_inline void pc_expect_verdict(struct pc_flow_entry *entry)
{
	__u64 before;
	int i;

	/* A commit may be changing it at the same time, once. */
	for (i = 0; i < 3; i++) {
		before = *(volatile __u64 *)&entry->decision;
		if (__sync_val_compare_and_swap(&entry->decision, before,
						PC_DECISION_WITH(before, PC_DECISION_INSPECT)) ==
		    before)
			return;
	}
}

/* Written only when it changes: the entry is other CPUs' as well. */
static __always_inline void pc_note_way(struct pc_flow_entry *entry, __u8 answer_zone,
					const struct pc_generation *generation)
{
	if (entry->answer_zone != answer_zone)
		entry->answer_zone = answer_zone;
	if (entry->tc_judged != (__u16)generation->flows.judgement)
		entry->tc_judged = (__u16)generation->flows.judgement;
}

/* After the rules: `passes` is what they said. */
static __always_inline void pc_admit_leaving(struct pc_leaving *leaving,
					     const struct pc_generation *generation, bool passes)
{
	struct pc_walk *walk = &leaving->walk;
	struct pc_packet *p = &walk->query.packet;
	struct pc_flow_query *query = &leaving->query;
	bool by_rule = walk->end == PC_WALK_RULE && walk->at_tc;
	struct pc_opening opening = {
		.rule_id = by_rule ? walk->rule_id : 0,
		.in_zone = walk->in_zone,
		.keep = by_rule && walk->keep,
		.hook = PC_HOOK_TC,
		.bounded = 0,
		.verdict = leaving->verdict,
		.answer_zone = walk->out_zone ? walk->out_zone : PC_ZONE_ANY,
	};
	struct pc_flow_entry *entry;

	if (passes && p->frag == PC_FRAG_FIRST)
		pc_note_fragment(p, query->now);
	if (query->found && !query->again) {
		entry = pc_flow_at(query->index);
		if (!entry || leaving->state == PC_STATE_RELATED ||
		    leaving->state == PC_STATE_INVALID)
			return;
		if (passes && leaving->verdict == PC_DECISION_INSPECT)
			pc_expect_verdict(entry);
		if (!passes)
			pc_end_flow(entry, query->now);
		else if ((query->side & 1) == pc_flow_origin(entry))
			pc_note_way(entry, opening.answer_zone, generation);
		return;
	}
	if (passes && leaving->state == PC_STATE_NEW && p->frag != PC_FRAG_LATER &&
	    pc_opens(p, generation->flows.loose))
		pc_open_flow(p, query, &opening, walk->slot);
}
