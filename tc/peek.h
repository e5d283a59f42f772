/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Peeking: the inspector sees what a client says first and lets the connection go, without ever
 * being an end of it. The handshake passes as it is; segments of the client with payload are held
 * by the inspector until it has judged them, and come back with its verdict, which the flow keeps:
 * ARCHITECTURE.md, "Peek and release".
 */
#pragma once

#include "tc/known.h"

#define PC_PEEK_NOTHING (-100) /* no answer of TC's */

/* enum pc_peek_word, or 0: not a frame of the peeking inspector's. */
static __always_inline __u8 pc_peek_word(struct __sk_buff *skb)
{
	const __u8 mark[] = PC_PEEK_MAC;
	__u8 source[ETH_ALEN];

	if (bpf_skb_load_bytes(skb, ETH_ALEN, source, sizeof(source)) || source[0] != mark[0] ||
	    source[1] != mark[1] || source[2] != mark[2] || source[3] != mark[3] ||
	    source[4] != mark[4])
		return 0;
	return source[5];
}

/* What the inspector had held, on its way out again: all that is said here was said before. */
static __always_inline bool pc_comes_from_inspector(const struct __sk_buff *skb,
						    const struct pc_control *now)
{
	return now->inspect_veth && skb->ingress_ifindex == now->inspect_veth;
}

/* To the worker that has the flow, past its namespace's stack: it is no host's address. */
static __always_inline int pc_hold(struct __sk_buff *skb, const struct pc_control *now,
				   __u32 worker)
{
	__u8 mac[] = PC_PEEK_MAC;

	mac[5] = (__u8)worker;
	if (skb->vlan_present && bpf_skb_vlan_pop(skb))
		return TC_ACT_SHOT;
	if (bpf_skb_store_bytes(skb, 0, mac, sizeof(mac), 0))
		return TC_ACT_SHOT;
	return (int)bpf_redirect(now->inspect_veth, 0);
}

static __always_inline bool pc_is_waiting(__u64 decision)
{
	return PC_DECISION_VERDICT(decision) == PC_DECISION_INSPECT ||
	       PC_DECISION_VERDICT(decision) == PC_DECISION_JUDGED;
}

/* Takes the place of a verdict that is waited for, and of no other. A commit may be changing it at
 * the same time, once.
 */
static __always_inline void pc_conclude(struct pc_flow_entry *entry, __u32 verdict)
{
	__u64 before;
	int i;

	for (i = 0; i < 3; i++) {
		before = *(volatile __u64 *)&entry->decision;
		if (!pc_is_waiting(before) ||
		    __sync_val_compare_and_swap(&entry->decision, before,
						PC_DECISION_WITH(before, verdict)) == before)
			return;
	}
}

/* What an inspector that is gone cannot say: the rule's on_down, for all of the flow. */
static __always_inline int pc_peek_without(struct pc_leaving *leaving,
					   const struct pc_generation *generation,
					   struct pc_flow_entry *entry, struct pc_flow *flow)
{
	leaving->walk.inspect = flow->inspect;
	leaving->walk.log = PC_LOG_NONE;
	if (generation->inspect_on_down[flow->inspect % PC_INSPECTS_MAX] != PC_ON_DOWN_DROP) {
		flow->released = 1;
		pc_conclude(entry, PC_DECISION_RELEASED);
	}
	return pc_leave_uninspected(leaving, generation);
}

static __always_inline int pc_peek_at(struct __sk_buff *skb, struct pc_leaving *leaving,
				      const struct pc_control *now,
				      const struct pc_generation *generation,
				      struct pc_flow_entry *entry)
{
	struct pc_flow *flow = bpf_map_lookup_elem(&flows, &leaving->key);
	const struct pc_heartbeat *heart = NULL;
	__u32 place = 0;

	/* Where it began is not known: whoever makes so many connections gains nothing by it. */
	if (!flow || flow->verdict != PC_FLOW_PEEK)
		return pc_leave_dropped(leaving, PC_REASON_FLOW_CUT);
	if (!pc_is_divertible(&leaving->walk.query.packet) ||
	    !pc_inspector_is_up(now, &leaving->key, bpf_ktime_get_ns()) ||
	    !pc_find_worker(&leaving->key, &place, &heart))
		return pc_peek_without(leaving, generation, entry, flow);
	pc_count_leaving(leaving, PC_REASON_INSPECT_PEEK, PC_IF_INSPECT);
	return pc_hold(skb, now, place / PC_LISTENERS);
}

/* Of a fragment nobody knows what it will be part of. */
static __always_inline int pc_peek_whole(struct __sk_buff *skb, struct pc_leaving *leaving,
					 const struct pc_control *now,
					 const struct pc_generation *generation,
					 struct pc_flow_entry *entry)
{
	const struct pc_packet *p = &leaving->walk.query.packet;

	if (p->frag != PC_FRAG_NONE)
		return pc_leave_dropped(leaving, PC_REASON_INSPECT_FRAGMENT);
	if (p->segment && !pc_is_syn(p))
		return pc_peek_at(skb, leaving, now, generation, entry);
	return PC_PEEK_NOTHING;
}

/* The client said something that was judged and let go. Its server may never get that, if it was
 * made to be lost, and something else in its place. True: it has it, or this is not about that.
 */
static __always_inline bool pc_is_past_judged(const struct pc_leaving *leaving,
					      struct pc_flow_entry *entry)
{
	const struct pc_flow *flow = bpf_map_lookup_elem(&flows, &leaving->key);
	const struct pc_packet *p = &leaving->walk.query.packet;

	if (!flow)
		return false;
	if (!pc_tcp_after(flow->judged, entry->acked[!(leaving->query.side & 1)])) {
		pc_conclude(entry, PC_DECISION_RELEASED);
		return true;
	}
	return p->frag == PC_FRAG_NONE && (!p->segment || !pc_tcp_after(flow->judged, p->seq));
}

/* A packet of a known flow, by what the inspector has said about it. PC_PEEK_NOTHING: rules
 * decide.
 */
static __noinline int pc_leave_peeked(struct __sk_buff *skb, struct pc_leaving *leaving,
				      const struct pc_control *now,
				      const struct pc_generation *generation)
{
	struct pc_flow_entry *entry = pc_flow_at(leaving->query.index);

	if (!leaving->query.found || !entry || leaving->state == PC_STATE_RELATED ||
	    leaving->query.again || (leaving->query.side & 1) != pc_flow_origin(entry))
		return PC_PEEK_NOTHING;
	switch (PC_DECISION_VERDICT(entry->decision)) {
	case PC_DECISION_DROP:
		leaving->walk.log = PC_LOG_NONE;
		return pc_leave_dropped(leaving, PC_REASON_INSPECT_DENIED);
	case PC_DECISION_JUDGED:
		if (!pc_is_past_judged(leaving, entry))
			return pc_peek_whole(skb, leaving, now, generation, entry);
		__attribute__((fallthrough));
	case PC_DECISION_RELEASED:
		return leaving->state == PC_STATE_ESTABLISHED &&
				       pc_is_current_at_tc(entry, generation)
			       ? TC_ACT_UNSPEC
			       : PC_PEEK_NOTHING;
	case PC_DECISION_INSPECT:
		return pc_peek_whole(skb, leaving, now, generation, entry);
	default:
		return PC_PEEK_NOTHING;
	}
}

/* Out by the WAN, as it was before it was held. */
static __always_inline int pc_send_on(struct __sk_buff *skb, const struct pc_flow *flow)
{
	__u32 ifindex = flow->ifindex;

	if (bpf_skb_store_bytes(skb, 0, flow->eth, 2 * ETH_ALEN, 0))
		return TC_ACT_SHOT;
	if (flow->vlan_proto && bpf_skb_vlan_push(skb, flow->vlan_proto, flow->vlan_tci))
		return TC_ACT_SHOT;
	return (int)bpf_redirect(ifindex, 0);
}

/* The flow of a denied connection stays, so that nothing more of it gets out. */
static __always_inline void pc_close_denied(struct pc_flow_entry *entry, __u32 now)
{
	__u8 before = *(volatile __u8 *)&entry->state;

	pc_flow_moved(entry, before, PC_FLOW_TCP_CLOSED);
	pc_prolong(entry, now + PC_PEEK_DENIED_TICKS);
}

/* A frame comes back from the peeking inspector. */
static __always_inline int pc_peek_answered(struct __sk_buff *skb, struct pc_leaving *leaving,
					    __u8 word)
{
	struct pc_packet *p = &leaving->walk.query.packet;
	struct pc_flow *flow = bpf_map_lookup_elem(&flows, &leaving->key);
	struct pc_flow_query *query = &leaving->query;
	struct pc_flow_entry *entry;

	if (!flow || flow->verdict != PC_FLOW_PEEK)
		return TC_ACT_SHOT;
	query->now = pc_ticks(bpf_jiffies64());
	if (word != PC_PEEK_DENY && p->segment && pc_tcp_after(p->seq + p->segment, flow->judged))
		flow->judged = p->seq + p->segment;
	if (word != PC_PEEK_PASS)
		flow->released = word == PC_PEEK_RELEASE;
	if (word != PC_PEEK_PASS && pc_flow_key(p, query) && pc_find_flow(query)) {
		entry = pc_flow_at(query->index);
		if (entry && word == PC_PEEK_DENY) {
			pc_conclude(entry, PC_DECISION_DROP);
			pc_close_denied(entry, query->now);
		} else if (entry) {
			pc_conclude(entry, PC_DECISION_JUDGED);
		}
	}
	if (word == PC_PEEK_DENY)
		return TC_ACT_SHOT;
	pc_count_reason(PC_REASON_INSPECT_PEEKED, p->len, bpf_jiffies64());
	return pc_send_on(skb, flow);
}
