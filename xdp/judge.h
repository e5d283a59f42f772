/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of a frame: zone, blocks, the walk down the rules, and what holds where no rule
 * decides. Nothing is counted or changed here but what rules on the way count and mark.
 */
#pragma once

#include "xdp/walk.h"

enum pc_inet_family { PC_AF_INET = 2, PC_AF_INET6 = 10 };

enum pc_icmp_type {
	PC_ICMP_UNREACHABLE = 3,
	PC_ICMP_FRAG_NEEDED = 4, /* a code of it */
	PC_ICMP_TIME_EXCEEDED = 11,
	PC_ICMP6_UNREACHABLE = 1,
	PC_ICMP6_TOO_BIG = 2,
	PC_ICMP6_TIME_EXCEEDED = 3,
	PC_ICMP6_PARAMETER = 4,
	PC_MLD_QUERY = 130,
	PC_MLD_DONE = 132,
	PC_ND_ROUTER_SOLICITATION = 133,
	PC_ND_NEIGHBOUR_ADVERTISEMENT = 136,
	PC_MLD2_REPORT = 143,
};

/* A frame and its verdict. */
struct pc_frame {
	struct pc_walk walk;
	__u32 len; /* of the frame */
	__u32 iface_slot;
	__u32 rule_id;	  /* the rule that decided and is counted here; 0: none */
	__u8 verdict;	  /* enum pc_iface_verdict, never PC_IF_INSPECT */
	__u8 reason;	  /* enum pc_reason; PC_REASON_NONE: accepted by a rule */
	__u8 log;	  /* enum pc_log */
	__u8 action;	  /* enum pc_action, for the event */
	__u8 unparseable; /* 1: counted as such besides `reason`, because it is accepted */
	__u8 zero[7];
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
	frame->reason = walk->action == PC_ACTION_DROP	   ? PC_REASON_RULE
			: walk->action == PC_ACTION_REJECT ? PC_REASON_REJECT
							   : PC_REASON_NONE;
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

static __always_inline void pc_judge_packet(struct xdp_md *ctx, struct pc_frame *frame,
					    const struct pc_generation *generation)
{
	int end;

	if (pc_walk_start(&frame->walk)) {
		pc_drop(frame, generation, PC_REASON_INTERNAL);
		return;
	}
	if (pc_is_blocked(frame)) {
		pc_drop(frame, generation, PC_REASON_BLOCK);
		return;
	}
	end = pc_walk_on(&frame->walk);
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
