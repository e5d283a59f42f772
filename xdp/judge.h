/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of a frame: zone, blocks, the walk down the rules, and what holds where no rule
 * decides. Nothing is counted or changed here but what rules on the way count and mark.
 */
#pragma once

#define PC_LOAD_BYTES(ctx, off, to, size) bpf_xdp_load_bytes(ctx, off, to, size)
#include "xdp/guard.h"
#include "xdp/syn_cookie.h"

enum pc_inet_family { PC_AF_INET = 2, PC_AF_INET6 = 10 };

/* PC_COOKIE: the ACK of a SYN cookie, judged and sent on as the SYN. */
enum pc_opens { PC_NOT_ASKED, PC_COOKIE, PC_NO_COOKIE };

/* A frame and its verdict. */
struct pc_frame {
	struct pc_walk walk;
	struct pc_flow_query flow;
	__u32 len; /* of the frame */
	__u32 iface_slot;
	__u32 rule_id;	  /* the rule that decided and is counted here; 0: none */
	__u8 verdict;	  /* enum pc_iface_verdict, never PC_IF_INSPECT */
	__u8 reason;	  /* enum pc_reason; PC_REASON_NONE: accepted by a rule */
	__u8 log;	  /* enum pc_log */
	__u8 action;	  /* enum pc_action, for the event */
	__u8 unparseable; /* 1: counted as such besides `reason`, because it is accepted */
	__u8 opens;	  /* enum pc_opens */
	__u8 zero[2];
	__u32 cookie;
};

static __always_inline void pc_begin(struct pc_frame *frame, __u32 slot, __u64 jiffies,
				     __u32 ifindex, __u32 len)
{
	__builtin_memset(&frame->len, 0, sizeof(*frame) - __builtin_offsetof(struct pc_frame, len));
	__builtin_memset(&frame->walk.jiffies, 0,
			 sizeof(frame->walk) - __builtin_offsetof(struct pc_walk, jiffies));
	frame->walk.slot = slot;
	frame->walk.jiffies = jiffies;
	frame->walk.ifindex = ifindex;
	frame->walk.hook = PC_HOOK_XDP;
	frame->len = len;
}

static __always_inline void pc_pass(struct pc_frame *frame, enum pc_reason reason)
{
	frame->verdict = PC_IF_ACCEPT;
	frame->action = PC_ACTION_ACCEPT;
	frame->reason = reason;
}

/* Dropped by no rule: reported if [defaults] says so. */
static __always_inline void pc_drop(struct pc_frame *frame, const struct pc_generation *generation,
				    enum pc_reason reason)
{
	frame->verdict = PC_IF_DROP;
	frame->action = PC_ACTION_DROP;
	frame->reason = reason;
	frame->log = generation->log;
}

static __always_inline void pc_judge_unparsed(struct pc_frame *frame,
					      const struct pc_generation *generation)
{
	__u8 reason = frame->walk.query.packet.reason;

	if (!pc_is_non_ip(&frame->walk.query.packet)) {
		pc_drop(frame, generation, reason);
		if (generation->unparseable_accept) {
			pc_pass(frame, reason);
			frame->log = PC_LOG_NONE;
			frame->unparseable = 1;
		}
	} else if (reason == PC_REASON_OTHER_ETHERTYPE && !generation->non_ip_accept) {
		pc_drop(frame, generation, PC_REASON_NON_IP);
	} else {
		pc_pass(frame, reason);
	}
}

/* The source's row says whether @blocks holds it. */
static __always_inline bool pc_is_blocked(const struct pc_frame *frame)
{
	__u32 entry = frame->walk.query.block_hits;
	__u64 *hits;

	if (!entry)
		return false;
	hits = bpf_map_lookup_elem(&block_hits, &entry);
	if (hits)
		__sync_fetch_and_add(hits, 1);
	return true;
}

/* RFC 4890 and path MTU discovery: is_essential() of rules/meaning.h. */
static __always_inline bool pc_is_essential(const struct pc_packet *packet)
{
	__u8 type = packet->icmp_type, code = packet->icmp_code;

	if (!(packet->flags & PC_PKT_HAS_ICMP) || packet->frag != PC_FRAG_NONE)
		return false;
	if (packet->family == 4)
		return (type == PC_ICMP_UNREACHABLE && code == PC_ICMP_FRAG_NEEDED) ||
		       (type == PC_ICMP_TIME_EXCEEDED && code == 0);
	if (type >= PC_ND_ROUTER_SOLICITATION && type <= PC_ND_NEIGHBOUR_ADVERTISEMENT)
		return packet->ttl == 255;
	return type == PC_ICMP6_UNREACHABLE || type == PC_ICMP6_TOO_BIG ||
	       (type == PC_ICMP6_TIME_EXCEEDED && code == 0) ||
	       (type == PC_ICMP6_PARAMETER && (code == 1 || code == 2)) ||
	       (type >= PC_MLD_QUERY && type <= PC_MLD_DONE) || type == PC_MLD2_REPORT;
}

static __always_inline void pc_judge_by_default(struct pc_frame *frame,
						const struct pc_generation *generation)
{
	const struct pc_packet *packet = &frame->walk.query.packet;

	if ((packet->frag == PC_FRAG_LATER && generation->fragments != PC_FRAGMENTS_ACCEPT) ||
	    (packet->frag == PC_FRAG_FIRST && generation->fragments == PC_FRAGMENTS_DROP))
		pc_drop(frame, generation, PC_REASON_FRAGMENT);
	else if (generation->zone_default[frame->walk.in_zone % PC_ZONES_MAX] == PC_ACTION_ACCEPT)
		pc_pass(frame, PC_REASON_DEFAULT_ACCEPT);
	else if (pc_is_essential(packet))
		pc_pass(frame, PC_REASON_ESSENTIAL_ICMP);
	else
		pc_drop(frame, generation, PC_REASON_POLICY);
}

static __always_inline void pc_judge_by_rule(struct pc_frame *frame)
{
	const struct pc_walk *walk = &frame->walk;

	frame->action = walk->action;
	frame->verdict = walk->action == PC_ACTION_DROP	    ? PC_IF_DROP
			 : walk->action == PC_ACTION_REJECT ? PC_IF_REJECT
							    : PC_IF_ACCEPT;
	frame->reason = walk->action == PC_ACTION_REJECT ? PC_REASON_REJECT
			: walk->action != PC_ACTION_DROP ? PC_REASON_NONE
			: walk->limited			 ? PC_REASON_LIMIT
							 : PC_REASON_RULE;
	/* What a rule of TC accepts or inspects is asked, and counted, there. */
	if (walk->at_tc && frame->verdict == PC_IF_ACCEPT)
		return;
	frame->rule_id = walk->rule_id;
	frame->log = walk->log;
}

/* The zone of the interface that the packet would leave by. Not inlined: this is a deep stack. */
static __noinline int pc_find_out(struct xdp_md *ctx, struct pc_walk *walk)
{
	const struct pc_packet *packet = &walk->query.packet;
	struct bpf_fib_lookup fib = {
		.family = packet->family == 4 ? PC_AF_INET : PC_AF_INET6,
		.l4_protocol = packet->proto,
		.sport = bpf_htons(packet->sport),
		.dport = bpf_htons(packet->dport),
		.ifindex = walk->ifindex,
	};
	long answer;

	if (packet->family == 4)
		fib.tos = packet->dscp << 2;
	else
		fib.flowinfo = bpf_htonl((__u32)packet->dscp << 22);
	__builtin_memcpy(fib.ipv6_src, packet->saddr, sizeof(fib.ipv6_src));
	__builtin_memcpy(fib.ipv6_dst, packet->daddr, sizeof(fib.ipv6_dst));
	answer = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	walk->out_known = 1;
	walk->out_zone = 0;
	/* An unresolved neighbour does not change the way. All else is for the router or
	 * unroutable. */
	if (answer == BPF_FIB_LKUP_RET_SUCCESS || answer == BPF_FIB_LKUP_RET_NO_NEIGH)
		walk->out_zone = pc_zone_of(walk->slot, fib.ifindex, PC_VLAN_NONE);
	return 0;
}

/* By the rules, else by the zone's default. */
static __always_inline void pc_judge_by_rules(struct xdp_md *ctx, struct pc_frame *frame,
					      const struct pc_generation *generation)
{
	int end = pc_walk_on(&frame->walk);

	if (end == PC_WALK_NEEDS_OUT) {
		pc_find_out(ctx, &frame->walk);
		end = pc_walk_on(&frame->walk);
	}
	if (end == PC_WALK_RULE)
		pc_judge_by_rule(frame);
	else if (end == PC_WALK_NO_RULE)
		pc_judge_by_default(frame, generation);
	else
		pc_drop(frame, generation, PC_REASON_INTERNAL);
}

/* [zone.*] established: known flows, and what is related to them, before all rules. */
static __always_inline bool pc_is_let_in(const struct pc_frame *frame,
					 const struct pc_generation *generation, __u8 state)
{
	return (state & (PC_STATE_ESTABLISHED | PC_STATE_RELATED)) &&
	       (generation->flows.established_zones >> (frame->walk.in_zone % PC_ZONES_MAX) & 1);
}

static __always_inline void pc_let_in(struct pc_frame *frame, __u8 state)
{
	pc_pass(frame, state == PC_STATE_RELATED ? PC_REASON_RELATED : PC_REASON_ESTABLISHED);
	if (frame->walk.query.packet.frag == PC_FRAG_FIRST)
		pc_note_fragment(&frame->walk.query.packet, frame->flow.now);
}

/* Nothing changed since the flow was judged: true, and nothing else is asked. */
static __always_inline bool pc_let_in_at_once(struct pc_frame *frame,
					      const struct pc_generation *generation, __u8 state)
{
	const struct pc_flow_entry *entry;

	/* Of a later fragment only that its datagram is known is known; and who sends an error is
	 * neither side of its flow, but may be blocked.
	 */
	if (!frame->flow.found || state == PC_STATE_RELATED)
		return false;
	entry = pc_flow_at(frame->flow.index);
	if (!entry || !pc_is_current(entry, frame->flow.side, &generation->flows))
		return false;
	pc_let_in(frame, state);
	return true;
}

/* Does the flow go on under the rules of today? What left by TC was judged there, with what NAT
 * made of it, and is again.
 */
static __always_inline bool pc_flow_goes_on(struct xdp_md *ctx, struct pc_frame *frame,
					    const struct pc_generation *generation,
					    struct pc_flow_entry *entry)
{
	const struct pc_flow_policy *policy = &generation->flows;
	__u64 decision = entry->decision;
	bool keep = PC_DECISION_KEEP(decision);
	__u32 rule_id = PC_DECISION_RULE(decision);
	int end;

	if (!(entry->flags & PC_FLOW_BORN_AT_TC) && !pc_is_fresh(decision, policy)) {
		end = pc_walk_opening(&frame->walk, &frame->flow);
		if (end == PC_WALK_NEEDS_OUT) {
			pc_find_out(ctx, &frame->walk);
			end = pc_walk_opening(&frame->walk, &frame->flow);
		}
		rule_id = end == PC_WALK_RULE ? frame->walk.rule_id : 0;
		keep = rule_id && frame->walk.keep;
		if (!pc_opening_passes(&frame->walk, end, entry, generation)) {
			frame->rule_id = rule_id;
			return false;
		}
	}
	pc_decide(entry, decision, rule_id, keep, policy);
	if ((frame->flow.side & 1) != pc_flow_origin(entry))
		entry->answer_judged = (__u16)policy->judgement;
	return true;
}

/* The rules changed, or who is blocked, since the flow was judged. The source is not blocked. */
static __always_inline void pc_judge_flow_again(struct xdp_md *ctx, struct pc_frame *frame,
						const struct pc_generation *generation, __u8 state)
{
	struct pc_flow_entry *entry = pc_flow_at(frame->flow.index);

	if (!frame->flow.found || !entry || state == PC_STATE_RELATED ||
	    pc_flow_goes_on(ctx, frame, generation, entry)) {
		pc_let_in(frame, state);
		return;
	}
	pc_end_flow(entry, frame->flow.now);
	pc_drop(frame, generation, PC_REASON_FLOW_CUT);
	if (frame->rule_id)
		frame->log = frame->walk.log;
}

/* Connections from outside: those are zones whose default is drop. */
static __always_inline bool pc_is_outside(const struct pc_frame *frame,
					  const struct pc_generation *generation)
{
	return generation->flows.syn_protect &&
	       generation->zone_default[frame->walk.in_zone % PC_ZONES_MAX] != PC_ACTION_ACCEPT;
}

/* An ACK of no flow, or of one whose server has not answered yet, that brings back a cookie, is
 * judged as the SYN that it stands for.
 */
static __always_inline __u8 pc_take_cookie(struct pc_frame *frame,
					   const struct pc_generation *generation, __u8 state)
{
	struct pc_packet *p = &frame->walk.query.packet;
	const struct pc_flow_entry *entry = pc_flow_at(frame->flow.index);

	if (frame->flow.found &&
	    (!entry || !(entry->flags & PC_FLOW_PROXIED) || entry->state != PC_FLOW_TCP_SYN_SENT))
		return state;
	if (state != PC_STATE_INVALID || !(p->flags & PC_PKT_HAS_TCP_FLAGS) ||
	    (p->tcp_flags & (PC_TCP_SYN | PC_TCP_ACK | PC_TCP_RST | PC_TCP_FIN)) != PC_TCP_ACK ||
	    p->frag != PC_FRAG_NONE || !pc_is_outside(frame, generation) ||
	    !pc_expects_cookies(&generation->flows, frame->flow.now))
		return state;
	if (!pc_is_cookie(p)) {
		/* Where every connection is made of a cookie, it is none. */
		if (!frame->flow.found && !generation->flows.loose)
			frame->opens = PC_NO_COOKIE;
		return state;
	}
	frame->opens = PC_COOKIE;
	frame->cookie = p->ack - 1;
	p->seq--;
	p->segment = 0;
	p->tcp_flags = PC_TCP_SYN;
	return PC_STATE_NEW;
}

/* A SYN that was accepted: under a flood, its sender has to show that it is there. */
static __always_inline bool pc_answers_syn(struct pc_frame *frame,
					   const struct pc_generation *generation)
{
	const struct pc_packet *p = &frame->walk.query.packet;

	if (frame->opens || p->frag != PC_FRAG_NONE || !(p->flags & PC_PKT_HAS_TCP_FLAGS) ||
	    !pc_tcp_begins(p) || !pc_is_outside(frame, generation) ||
	    !pc_wants_cookies(&generation->flows, frame->flow.now))
		return false;
	frame->verdict = PC_IF_REJECT;
	frame->reason = PC_REASON_SYN_ANSWERED;
	frame->rule_id = 0;
	frame->log = PC_LOG_NONE;
	return true;
}

/* The flow of a packet that was accepted. Without it the answers would not come back: so what finds
 * no place is dropped.
 */
static __always_inline void pc_admit(struct pc_frame *frame, const struct pc_generation *generation,
				     __u8 state)
{
	struct pc_packet *packet = &frame->walk.query.packet;
	struct pc_opening opening = {
		.rule_id = frame->walk.end == PC_WALK_RULE ? frame->walk.rule_id : 0,
		.in_zone = frame->walk.in_zone,
		.keep = frame->walk.end == PC_WALK_RULE && frame->walk.keep,
		.hook = PC_HOOK_XDP,
		.bounded = 1,
		.verdict = PC_DECISION_ACCEPT,
		.cookie = frame->cookie,
	};
	int made;

	if (packet->frag == PC_FRAG_FIRST)
		pc_note_fragment(packet, frame->flow.now);
	if (state != PC_STATE_NEW || (frame->flow.found && !frame->flow.again) ||
	    packet->frag == PC_FRAG_LATER || !pc_opens(packet, generation->flows.loose))
		return;
	if (pc_answers_syn(frame, generation))
		return;
	made = pc_open_flow(packet, &frame->flow, &opening, frame->walk.slot);
	if (made == PC_FLOW_MADE)
		return;
	frame->rule_id = 0;
	pc_drop(frame, generation,
		made == PC_FLOW_NOT_BUDGET   ? PC_REASON_FLOW_BUDGET
		: made == PC_FLOW_NOT_SOURCE ? PC_REASON_FLOW_SOURCE
					     : PC_REASON_FLOW_FULL);
}

static __always_inline void pc_judge_packet(struct xdp_md *ctx, struct pc_frame *frame,
					    const struct pc_generation *generation)
{
	bool flows = generation->flags & PC_GEN_FLOWS, let_in = false;
	__u8 state = PC_STATE_NEW;

	if (flows) {
		frame->flow.now = pc_ticks(frame->walk.jiffies);
		frame->flow.zone = frame->walk.in_zone;
		state = pc_state_of(ctx, &frame->walk.query.packet, &frame->flow, frame->walk.slot,
				    PC_HOOK_XDP, generation->flows.loose);
		state = pc_take_cookie(frame, generation, state);
		if (frame->opens == PC_NO_COOKIE) {
			pc_drop(frame, generation, PC_REASON_SYN_COOKIE);
			return;
		}
		let_in = pc_is_let_in(frame, generation, state);
		if (let_in && pc_let_in_at_once(frame, generation, state))
			return;
	}
	frame->walk.query.state_bit = state;
	if (pc_walk_start(&frame->walk)) {
		pc_drop(frame, generation, PC_REASON_INTERNAL);
		return;
	}
	if (pc_is_blocked(frame)) {
		pc_drop(frame, generation, PC_REASON_BLOCK);
		return;
	}
	if (let_in) {
		pc_judge_flow_again(ctx, frame, generation, state);
		return;
	}
	if (pc_is_guarded(generation, frame->walk.in_zone, state))
		pc_guard_count(&frame->walk.query.packet,
			       frame->walk.query.packet.family == 4
				       ? generation->flows.guard_prefix4
				       : generation->flows.guard_prefix6);
	pc_judge_by_rules(ctx, frame, generation);
	if (flows && frame->verdict == PC_IF_ACCEPT)
		pc_admit(frame, generation, state);
}

/* False: the frame is in no zone for sure. */
static __always_inline bool pc_enter_zone(struct pc_frame *frame, const struct pc_iface *iface)
{
	struct pc_walk *walk = &frame->walk;

	walk->in_zone = pc_zone_of(walk->slot, walk->ifindex, frame->walk.query.packet.vlan);
	if (walk->in_zone)
		return true;
	/* The VLAN decides, but is not known: the frame may be in a zone. */
	return iface->vlan_table && (frame->walk.query.packet.reason == PC_REASON_ETH_TRUNCATED ||
				     frame->walk.query.packet.reason == PC_REASON_VLAN_TRUNCATED ||
				     frame->walk.query.packet.reason == PC_REASON_VLAN_DEPTH);
}

/* `walk` has jiffies, ifindex and slot. */
static __always_inline void pc_judge(struct xdp_md *ctx, struct pc_frame *frame,
				     const struct pc_generation *generation)
{
	const struct pc_iface *iface = pc_iface_of(frame->walk.slot, frame->walk.ifindex);
	struct pc_cursor cursor = {
		.data = (void *)(long)ctx->data,
		.data_end = (void *)(long)ctx->data_end,
		.len = frame->len,
		.tag = PC_NO_TAG,
	};
	bool parsed;

	if (iface)
		frame->iface_slot = iface->slot;
	if (!iface || (!iface->zone && !iface->vlan_table)) {
		pc_pass(frame, PC_REASON_DEFAULT_ACCEPT);
		return;
	}
	parsed = pc_parse(&cursor, &frame->walk.query.packet);
	if (!pc_enter_zone(frame, iface))
		pc_pass(frame, PC_REASON_DEFAULT_ACCEPT);
	else if (!parsed)
		pc_judge_unparsed(frame, generation);
	else
		pc_judge_packet(ctx, frame, generation);
}
