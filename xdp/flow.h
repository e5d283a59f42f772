/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a packet stands to the flows that are known (enum pc_state_bit), what that changes in them,
 * and how flows are made. For XDP and TC, which defines PC_LOAD_BYTES first: see inner.h.
 * ARCHITECTURE.md, "Flows".
 */
#pragma once

#include "xdp/flow_fragments.h"
#include "xdp/flow_tcp.h"
#include "xdp/inner.h"
#include "xdp/walk.h"

static __always_inline bool pc_is_echo(const struct pc_packet *p, bool request)
{
	if (!(p->flags & PC_PKT_HAS_ICMP))
		return false;
	if (p->family == 4)
		return p->icmp_type == (request ? PC_ICMP4_ECHO : PC_ICMP4_ECHO_REPLY);
	return p->icmp_type == (request ? PC_ICMP6_ECHO : PC_ICMP6_ECHO_REPLY);
}

/* False: packets of this kind are of no flow. */
static __always_inline bool pc_flow_key(const struct pc_packet *p, struct pc_flow_query *query)
{
	if (p->frag == PC_FRAG_LATER)
		return false;
	if ((p->flags & PC_PKT_HAS_ICMP) && !pc_is_echo(p, true) && !pc_is_echo(p, false))
		return false;
	__builtin_memcpy(query->addr[0], p->saddr, sizeof(p->saddr));
	__builtin_memcpy(query->addr[1], p->daddr, sizeof(p->daddr));
	query->port[0] = p->sport;
	query->port[1] = p->dport;
	if (p->flags & PC_PKT_HAS_ICMP)
		query->port[0] = query->port[1] = (__u16)p->seq;
	query->proto = p->proto;
	query->family = p->family;
	return true;
}

/* Can a packet without a flow begin one? */
static __always_inline bool pc_opens(const struct pc_packet *p, bool loose)
{
	if (p->flags & PC_PKT_HAS_TCP_FLAGS)
		return pc_tcp_begins(p) ||
		       (loose &&
			(p->tcp_flags & (PC_TCP_ACK | PC_TCP_RST | PC_TCP_SYN)) == PC_TCP_ACK);
	return !(p->flags & PC_PKT_HAS_ICMP) || pc_is_echo(p, true);
}

static __always_inline __u8 pc_first_state(const struct pc_packet *p)
{
	if (p->flags & PC_PKT_HAS_TCP_FLAGS)
		return pc_tcp_begins(p) ? PC_FLOW_TCP_SYN_SENT : PC_FLOW_TCP_ESTABLISHED;
	if (p->flags & PC_PKT_HAS_ICMP)
		return PC_FLOW_ICMP_NEW;
	return p->proto == IPPROTO_UDP ? PC_FLOW_UDP_NEW : PC_FLOW_OTHER_NEW;
}

/* ---- packets of known flows */

static __always_inline void pc_flow_moved(struct pc_flow_entry *entry, __u8 before, __u8 state)
{
	struct pc_flow_globals *globals;

	if (!pc_change_state(entry, before, state))
		return;
	if (pc_gives_way(state))
		return;
	globals = pc_globals();
	if (globals && pc_is_half_open(before))
		__sync_fetch_and_add(&globals->half_open, -1);
}

/* The router made it. */
#define PC_ZONE_OWN 0xff

/* Each side of a flow is somewhere: what another zone sends in its name says nothing about the
 * flow. An answer that comes before anything left is made up.
 */
static __always_inline bool pc_is_at_home(const struct pc_flow_entry *entry,
					  const struct pc_flow_query *query, __u32 hook)
{
	__u8 zone = query->zone, home = entry->answer_zone;

	if (zone == PC_ZONE_OWN)
		return true;
	if ((query->side & 1) == pc_flow_origin(entry))
		home = PC_WHERE_ZONE(entry->where);
	else if (home == PC_ZONE_ANY)
		return true;
	/* What the stack let through, of flows that leave by interfaces without TC or as NAT made
	 * them.
	 */
	if (hook == PC_HOOK_TC && (!home || !zone))
		return true;
	return zone == home;
}

/* The flow that was found takes note of its packet. Returns enum pc_state_bit. */
PC_SUBPROGRAM int pc_follow_flow(struct pc_packet *p, struct pc_flow_query *query, __u32 slot,
				 __u32 hook)
{
	struct pc_flow_entry *entry;
	const struct pc_generation *generation;
	enum pc_tcp_answer answer = PC_TCP_GOOD;
	__u32 side, timeout;
	__u8 before, state;

	if (!p || !query)
		return PC_STATE_INVALID;
	side = query->side & 1;
	entry = pc_flow_at(query->index);
	generation = bpf_map_lookup_elem(&generations, &slot);
	if (!entry || !generation)
		return PC_STATE_INVALID;
	/* Requests of one side, answers of the other: the rest has the same identifier by chance.
	 */
	if ((p->flags & PC_PKT_HAS_ICMP) && pc_is_echo(p, true) != (side == pc_flow_origin(entry)))
		return pc_is_echo(p, true) ? PC_STATE_NEW : PC_STATE_INVALID;
	before = state = *(volatile __u8 *)&entry->state;
	if (hook == PC_HOOK_XDP && (entry->flags & PC_FLOW_SHIFTED) &&
	    side == pc_flow_origin(entry) && (p->tcp_flags & PC_TCP_ACK)) {
		query->shift = entry->delta;
		p->ack -= query->shift;
	}
	if (p->flags & PC_PKT_HAS_TCP_FLAGS) {
		answer = pc_tcp_follow(entry, side, p, &state);
		if (answer == PC_TCP_BAD && generation->flows.loose &&
		    before == PC_FLOW_TCP_SYN_SENT && pc_opens(p, true)) {
			/* Asymmetric routing: the answers go another way. */
			pc_tcp_pick_up(entry, side, p);
			pc_set_flag(entry, PC_FLOW_LOOSE);
			state = PC_FLOW_TCP_ESTABLISHED;
			answer = PC_TCP_GOOD;
		}
	} else if (side != pc_flow_origin(entry) && pc_is_unanswered(state)) {
		state++; /* what has no answer stands before what has one */
	}
	if (answer == PC_TCP_BAD)
		return PC_STATE_INVALID;
	query->again = answer == PC_TCP_AGAIN;
	if (answer == PC_TCP_AGAIN || answer == PC_TCP_APART)
		return PC_STATE_NEW;
	if (state != before)
		pc_flow_moved(entry, before, state);
	if (answer == PC_TCP_GOOD || state != before) {
		timeout = generation->flows.timeouts[state % PC_FLOW_TIMEOUTS];
		pc_prolong(entry, query->now + timeout);
	}
	entry->packets[side]++;
	entry->bytes[side] += p->len;
	if (hook == PC_HOOK_XDP)
		pc_set_flag(entry, PC_FLOW_SEEN_0 << side);
	if (side == pc_flow_origin(entry) && pc_is_unanswered(before))
		return PC_STATE_NEW;
	return PC_STATE_ESTABLISHED;
}

/* An ICMP error belongs to a flow, if what it says the flow sent can have been sent. */
static __always_inline bool pc_is_related(const struct pc_flow_query *query, __u32 seq)
{
	const struct pc_flow_entry *entry = pc_flow_at(query->index);
	__u32 side = query->side & 1, window;

	if (!entry)
		return false;
	if (entry->proto != IPPROTO_TCP)
		return true;
	if (!entry->maxwin[side])
		return false; /* this side has sent nothing yet */
	window = (__u32)entry->maxwin[!side] << pc_tcp_scale(entry, !side);
	return !pc_tcp_after(seq, entry->maxend[side]) &&
	       !pc_tcp_after(entry->end[side] - window - PC_TCP_BEHIND, seq);
}

/* Did XDP see the packet that TC sees now? Then all was noted there. */
static __always_inline bool pc_was_seen(const struct pc_flow_query *query)
{
	const struct pc_flow_entry *entry = pc_flow_at(query->index);

	return entry && (entry->flags & (PC_FLOW_SEEN_0 << (query->side & 1)));
}

static __always_inline __u8 pc_seen_state(const struct pc_flow_query *query)
{
	const struct pc_flow_entry *entry = pc_flow_at(query->index);

	if (entry && (query->side & 1) == pc_flow_origin(entry) && pc_is_unanswered(entry->state))
		return PC_STATE_NEW;
	return PC_STATE_ESTABLISHED;
}

/* The options of a SYN are the only ones that matter. */
static __noinline int pc_read_scale(void *ctx, struct pc_packet *p, struct pc_flow_query *query)
{
	__u64 size = p->l4_size - 20U - 1U;
	__u32 off = (p->l4_off + 20U) & PC_OFFSET_MASK;

	if (size >= PC_TCP_OPTIONS_MAX)
		return 0;
	/* The compiler sees that this is idle, kernel 6.1's verifier does not. */
	asm volatile("%0 &= 63" : "+r"(size));
	size++;
	if (size > PC_TCP_OPTIONS_MAX || PC_LOAD_BYTES(ctx, off, &query->options, size))
		return 0;
	p->scale = pc_find_scale(&query->options, size);
	return 0;
}

/* enum pc_state_bit of a packet; `query` then has the flow, if `found`. */
static __always_inline __u8 pc_state_of(void *ctx, struct pc_packet *p, struct pc_flow_query *query,
					__u32 slot, __u32 hook, bool loose)
{
	const struct pc_flow_entry *entry;
	__u32 seq = 0;

	query->found = 0;
	query->again = 0;
	query->shift = 0;
	if (p->frag == PC_FRAG_LATER)
		return pc_fragment_is_known(p, query->now) ? PC_STATE_ESTABLISHED
							   : PC_STATE_INVALID;
	if (pc_complains(p)) {
		if (!pc_inner_key_of(ctx, p, query, &seq) || !pc_find_flow(query) ||
		    !pc_is_related(query, seq))
			return PC_STATE_INVALID;
		return PC_STATE_RELATED;
	}
	if (!pc_flow_key(p, query))
		return PC_STATE_NEW;
	if (p->tcp_flags & PC_TCP_SYN)
		pc_read_scale(ctx, p, query);
	if (pc_find_flow(query)) {
		entry = pc_flow_at(query->index);
		if (!loose && entry && !pc_is_at_home(entry, query, hook))
			return PC_STATE_INVALID;
		if (hook == PC_HOOK_TC && pc_was_seen(query))
			return pc_seen_state(query);
		return (__u8)pc_follow_flow(p, query, slot, hook);
	}
	if ((p->flags & PC_PKT_HAS_TCP_FLAGS) && !pc_opens(p, loose))
		return PC_STATE_INVALID;
	return pc_is_echo(p, false) ? PC_STATE_INVALID : PC_STATE_NEW;
}

/* ---- verdicts */

/* False: a commit came in between, and the flow is to be judged again. */
static __always_inline bool pc_is_fresh(__u64 decision, const struct pc_flow_policy *policy)
{
	return PC_DECISION_JUDGEMENT(decision) == (policy->judgement & 0xffffff) ||
	       PC_DECISION_KEEP(decision);
}

/* Nothing at all has changed since a packet of this side was let in by XDP: neither rules, nor who
 * is blocked.
 */
static __always_inline bool pc_is_current(const struct pc_flow_entry *entry, __u32 side,
					  const struct pc_flow_policy *policy)
{
	if ((side & 1) == pc_flow_origin(entry))
		return PC_DECISION_JUDGEMENT(entry->decision) == (policy->judgement & 0xffffff);
	return entry->answer_judged && entry->answer_judged == (__u16)policy->judgement;
}

/* Replaces a decision, if the place still has the flow that it was about. */
static __always_inline void pc_decide(struct pc_flow_entry *entry, __u64 before, __u32 rule_id,
				      bool keep, const struct pc_flow_policy *policy)
{
	/* What the inspector said, or is still to say, holds under other rules as well. */
	__u32 verdict =
		PC_DECISION_VERDICT(before) ? PC_DECISION_VERDICT(before) : PC_DECISION_ACCEPT;
	__u64 after = PC_DECISION(rule_id & 0x3ffff, verdict, keep, policy->judgement,
				  PC_DECISION_INCARNATION(before));

	(void)__sync_val_compare_and_swap(&entry->decision, before, after);
}

static __noinline int pc_turn_packet(struct pc_packet *p)
{
	__be32 addr[4];
	__u16 port = p->sport;

	__builtin_memcpy(addr, p->saddr, sizeof(addr));
	__builtin_memcpy(p->saddr, p->daddr, sizeof(addr));
	__builtin_memcpy(p->daddr, addr, sizeof(addr));
	p->sport = p->dport;
	p->dport = port;
	return 0;
}

/* Makes a packet of a flow the one that opened it: its tuple, from its zone, as new. */
PC_SUBPROGRAM int pc_wear_opening(struct pc_walk *walk, __u32 index, __u32 side)
{
	const struct pc_flow_entry *entry = pc_flow_at(index);
	struct pc_packet *p;

	if (!entry || !walk)
		return 1;
	p = &walk->query.packet;
	walk->before.flags = p->tcp_flags;
	walk->before.icmp_type = p->icmp_type;
	walk->before.in_zone = walk->in_zone;
	walk->before.out_zone = walk->out_zone;
	walk->before.out_known = walk->out_known;
	walk->before.own_packet = walk->own_packet;
	walk->before.hook = walk->hook;
	walk->before.turned = (side & 1) != pc_flow_origin(entry);
	if (walk->before.turned) {
		pc_turn_packet(p);
		walk->out_zone = walk->in_zone;
		walk->out_known = 1;
	}
	walk->in_zone = PC_WHERE_ZONE(entry->where);
	walk->own_packet = !PC_WHERE_ZONE(entry->where);
	walk->hook = PC_HOOK_NONE;
	if (p->flags & PC_PKT_HAS_TCP_FLAGS)
		p->tcp_flags = PC_TCP_SYN;
	if (p->flags & PC_PKT_HAS_ICMP)
		p->icmp_type = p->family == 4 ? PC_ICMP4_ECHO : PC_ICMP6_ECHO;
	walk->query.state_bit = PC_STATE_NEW;
	return 0;
}

/* And back. What was found out about the way out of a packet that was not turned stays. */
PC_SUBPROGRAM int pc_shed_opening(struct pc_walk *walk)
{
	struct pc_packet *p;

	if (!walk)
		return 1;
	p = &walk->query.packet;
	p->tcp_flags = walk->before.flags;
	p->icmp_type = walk->before.icmp_type;
	walk->hook = walk->before.hook;
	walk->own_packet = walk->before.own_packet;
	walk->in_zone = walk->before.in_zone;
	if (walk->before.turned) {
		pc_turn_packet(p);
		walk->out_zone = walk->before.out_zone;
		walk->out_known = walk->before.out_known;
	}
	return 0;
}

/* What the rules say now about the packet that opened the flow of this one. Nothing is counted,
 * marked or charged. Returns enum pc_walk_end.
 */
static __always_inline int pc_walk_opening(struct pc_walk *walk, const struct pc_flow_query *query)
{
	int end = PC_WALK_BROKEN;

	if (pc_wear_opening(walk, query->index, query->side))
		return end;
	if (!pc_walk_start(walk))
		end = pc_walk_on(walk);
	pc_shed_opening(walk);
	return end;
}

/* After pc_walk_opening(): does the flow go on? */
static __always_inline bool pc_opening_passes(const struct pc_walk *walk, int end,
					      const struct pc_flow_entry *entry,
					      const struct pc_generation *generation)
{
	if (end == PC_WALK_RULE)
		return walk->action == PC_ACTION_ACCEPT || walk->action == PC_ACTION_INSPECT;
	return end == PC_WALK_NO_RULE &&
	       (!PC_WHERE_ZONE(entry->where) ||
		generation->zone_default[PC_WHERE_ZONE(entry->where)] == PC_ACTION_ACCEPT);
}

/* ---- new flows */

struct pc_opening {
	__u32 rule_id; /* that accepted it; 0: the policy did */
	__u8 in_zone;
	__u8 keep;
	__u8 hook;
	__u8 bounded;	  /* the budgets of new flows hold */
	__u8 verdict;	  /* enum pc_flow_decision_verdict */
	__u8 answer_zone; /* as in pc_flow_entry */
	__u8 zero[2];
	__u32 cookie; /* not 0: that began it */
};

static __always_inline enum pc_flow_made pc_afford_flow(struct pc_flow_globals *globals,
							const struct pc_flow_policy *policy,
							const struct pc_flow_query *query)
{
	__u64 *source = pc_flow_source(globals->seed, query->family, query->addr[0]);
	__u64 now;

	if (policy->per_source && source && *source >= policy->per_source)
		return PC_FLOW_NOT_SOURCE;
	if (!policy->new_interval)
		return PC_FLOW_MADE;
	now = bpf_ktime_get_coarse_ns() << PC_LIMIT_UNIT_SHIFT;
	return pc_take(&globals->new_flows, now, policy->new_interval, policy->new_burst)
		       ? PC_FLOW_MADE
		       : PC_FLOW_NOT_BUDGET;
}

static __always_inline void pc_write_flow(struct pc_flow_entry *entry, const struct pc_packet *p,
					  const struct pc_flow_query *query,
					  const struct pc_opening *opening,
					  const struct pc_flow_policy *policy)
{
	__u32 side = query->side & 1, incarnation = PC_DECISION_INCARNATION(entry->decision) + 1;
	__u8 state = pc_first_state(p);

	__builtin_memcpy(entry->addr[side], query->addr[0], sizeof(entry->addr[0]));
	__builtin_memcpy(entry->addr[!side], query->addr[1], sizeof(entry->addr[0]));
	entry->port[side] = query->port[0];
	entry->port[!side] = query->port[1];
	entry->proto = query->proto;
	entry->where = PC_WHERE(side, query->family, opening->in_zone & 0x3f);
	entry->decision = PC_DECISION(opening->rule_id & 0x3ffff, opening->verdict & 7,
				      opening->keep, policy->judgement, incarnation);
	entry->answer_judged = 0;
	entry->answer_zone = opening->answer_zone;
	entry->tc_judged = opening->hook == PC_HOOK_TC ? (__u16)policy->judgement : 0;
	entry->delta = opening->cookie;
	entry->flags = opening->hook == PC_HOOK_XDP ? PC_FLOW_SEEN_0 << side : PC_FLOW_BORN_AT_TC;
	entry->created = query->now;
	entry->packets[side] = 1;
	entry->packets[!side] = 0;
	entry->bytes[side] = p->len;
	entry->bytes[!side] = 0;
	if (opening->cookie)
		entry->flags |= PC_FLOW_PROXIED;
	pc_tcp_open(entry, side, p);
	if (state == PC_FLOW_TCP_ESTABLISHED) {
		pc_tcp_pick_up(entry, side, p);
		entry->flags |= PC_FLOW_LOOSE;
	}
	entry->state = state;
}

/* Makes the flow of a packet that was accepted and can open one. enum pc_flow_made. */
PC_SUBPROGRAM int pc_open_flow(struct pc_packet *p, struct pc_flow_query *query,
			       struct pc_opening *opening, __u32 slot)
{
	struct pc_flow_globals *globals = pc_globals();
	const struct pc_generation *generation = bpf_map_lookup_elem(&generations, &slot);
	struct pc_flow_entry *entry;
	enum pc_flow_made made = PC_FLOW_MADE;
	struct pc_flow_place place = { .way = PC_FLOW_WAYS };
	__u64 *source;
	__u8 state;

	if (!globals || !generation || !p || !query || !opening)
		return PC_FLOW_NOT_PLACE;
	if (opening->bounded)
		made = pc_afford_flow(globals, &generation->flows, query);
	if (made != PC_FLOW_MADE)
		return made;
	if (query->again ? !pc_own_entry(query->index, 1, query->now)
			 : !pc_find_place(query, &place))
		return PC_FLOW_NOT_PLACE;
	entry = pc_flow_at(query->index);
	if (!entry)
		return PC_FLOW_NOT_PLACE;
	pc_write_flow(entry, p, query, opening, &generation->flows);
	state = entry->state;
	if (!pc_publish_flow(query, &place,
			     query->now + generation->flows.timeouts[state % PC_FLOW_TIMEOUTS]))
		return PC_FLOW_NOT_PLACE;
	source = pc_flow_source(globals->seed, query->family, query->addr[0]);
	if (source)
		__sync_fetch_and_add(source, 1);
	if (pc_is_half_open(state))
		__sync_fetch_and_add(&globals->half_open, 1);
	__sync_fetch_and_add(&globals->live, 1);
	return PC_FLOW_MADE;
}
