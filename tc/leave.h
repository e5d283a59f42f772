/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of a packet at TC egress, and the counters that say so. The return values are TC's;
 * "go on" is always TC_ACT_UNSPEC, because TC_ACT_OK would keep other users' filters from running.
 */
#pragma once

#include "tc/client.h"
#include "tc/datagram.h"
#include "tc/inner.h"
#include "xdp/walk.h"

/* The packet that this CPU has at hand. It lives in a map: see struct pc_query. */
struct pc_leaving {
	struct pc_walk walk;
	struct pc_flow flow;
	struct pc_fragmented fragmented;
	struct pc_client client;
	struct pc_flow_key key; /* as the packet leaves */
	struct pc_flow_query query;
	__u32 frame_len;
	__u32 iface_slot;
	__u32 bytes;  /* of L3, or of a frame that was not parsed */
	__u8 state;   /* enum pc_state_bit */
	__u8 verdict; /* enum pc_flow_decision_verdict of the flow that the packet makes */
	__u8 zero[2];
	__u32 zero2;
};

static __always_inline void pc_count_leaving(const struct pc_leaving *leaving, __u32 reason,
					     enum pc_iface_verdict verdict)
{
	pc_count_reason(reason, leaving->bytes, leaving->walk.jiffies);
	if (leaving->iface_slot)
		pc_count_iface(leaving->iface_slot, verdict, leaving->frame_len);
}

static __always_inline void pc_report_leaving(const struct pc_leaving *leaving, __u8 reason)
{
	const struct pc_walk *walk = &leaving->walk;
	struct pc_happening what = {
		.packet = &walk->query.packet,
		.jiffies = walk->jiffies,
		.slot = walk->slot,
		.ifindex = walk->ifindex,
		.rule_id = walk->rule_id,
		.log = walk->log,
		.reason = reason,
		.action = walk->action,
		.hook = PC_HOOK_TC,
	};

	if (walk->log)
		pc_report(&what);
}

static __always_inline int pc_leave_dropped(struct pc_leaving *leaving, enum pc_reason reason)
{
	pc_count_leaving(leaving, reason, PC_IF_DROP);
	pc_report_leaving(leaving, reason);
	return TC_ACT_SHOT;
}

/* A packet of a flow that the inspector has. */
static __always_inline int pc_leave_inspected(struct __sk_buff *skb, struct pc_leaving *leaving,
					      const struct pc_control *now, __u32 rule_id)
{
	pc_count_rule(rule_id, leaving->bytes, leaving->walk.jiffies);
	pc_count_leaving(leaving, PC_REASON_INSPECT_DIVERT, PC_IF_INSPECT);
	return pc_divert(skb, now);
}

static __always_inline bool pc_remember(struct __sk_buff *skb, struct pc_leaving *leaving,
					const struct pc_generation *generation, __u64 now_ns)
{
	const struct pc_walk *walk = &leaving->walk;
	struct pc_flow *flow = &leaving->flow;

	__builtin_memset(flow, 0, sizeof(*flow));
	flow->created_ns = now_ns;
	__builtin_memcpy(flow->client, leaving->client.addr, sizeof(flow->client));
	flow->client_port = leaving->client.port;
	flow->ct_found = leaving->client.found;
	flow->ifindex = skb->ifindex;
	flow->in_ifindex = skb->ingress_ifindex;
	flow->rule_id = walk->rule_id;
	flow->generation = (__u32)generation->number;
	flow->verdict = leaving->verdict == PC_DECISION_INSPECT ? PC_FLOW_PEEK : PC_FLOW_INSPECT;
	flow->isn = walk->query.packet.seq;
	flow->judged = flow->isn + 1;
	flow->inspect = walk->inspect;
	if (skb->vlan_present) {
		flow->vlan_proto = (__be16)skb->vlan_proto;
		flow->vlan_tci = (__u16)skb->vlan_tci;
	}
	if (bpf_skb_load_bytes(skb, 0, flow->eth, sizeof(flow->eth)))
		return false;
	if (leaving->key.proto == IPPROTO_UDP)
		return !bpf_map_update_elem(&insp_udp, &leaving->key, flow, BPF_ANY);
	return !bpf_map_update_elem(&flows, &leaving->key, flow, BPF_ANY);
}

/* The inspector cannot take this flow: what the rule's [inspect.*] says for that case. */
static __always_inline int pc_leave_uninspected(struct pc_leaving *leaving,
						const struct pc_generation *generation)
{
	if (generation->inspect_on_down[leaving->walk.inspect % PC_INSPECTS_MAX] == PC_ON_DOWN_DROP)
		return pc_leave_dropped(leaving, PC_REASON_INSPECT_DOWN);
	pc_count_reason(PC_REASON_INSPECT_PASS, leaving->bytes, leaving->walk.jiffies);
	pc_report_leaving(leaving, PC_REASON_INSPECT_PASS);
	return TC_ACT_UNSPEC;
}

/* Goes to who opened the conversation: what the rule inspects is the other direction. */
static __always_inline bool pc_is_answer(struct pc_leaving *leaving)
{
	struct pc_flow_key *turned = &leaving->fragmented.fragments.flow;
	const struct pc_flow_entry *entry;

	if (leaving->client.answer)
		return true;
	entry = leaving->query.found ? pc_flow_at(leaving->query.index) : NULL;
	if (entry && (leaving->query.side & 1) != pc_flow_origin(entry))
		return true;
	__builtin_memcpy(turned, &leaving->key, sizeof(*turned));
	pc_turn_key(turned);
	return bpf_map_lookup_elem(&insp_udp, turned);
}

static __always_inline bool pc_is_same_flow(const struct pc_flow *flow,
					    const struct pc_leaving *leaving,
					    const struct pc_generation *generation)
{
	const struct pc_client *client = &leaving->client;

	return flow->generation == (__u32)generation->number &&
	       flow->rule_id == leaving->walk.rule_id && flow->ifindex == leaving->walk.ifindex &&
	       flow->client_port == client->port && flow->client[0] == client->addr[0] &&
	       flow->client[1] == client->addr[1] && flow->client[2] == client->addr[2] &&
	       flow->client[3] == client->addr[3];
}

/* The inspector has said that it has no room for this flow. */
static __always_inline int pc_leave_overloaded(struct pc_leaving *leaving,
					       const struct pc_flow *flow)
{
	pc_count_rule(leaving->walk.rule_id, leaving->bytes, leaving->walk.jiffies);
	if (flow->verdict == PC_FLOW_DROP)
		return pc_leave_dropped(leaving, PC_REASON_INSPECT_OVERLOAD);
	pc_count_reason(PC_REASON_INSPECT_OVER, leaving->bytes, leaving->walk.jiffies);
	return TC_ACT_UNSPEC;
}

/* Data in a SYN would be there before it could be judged: such a connection is ended instead. */
static __always_inline bool pc_may_peek(const struct pc_leaving *leaving,
					const struct pc_generation *generation)
{
	const struct pc_packet *p = &leaving->walk.query.packet;

	return (generation->flags & PC_GEN_FLOWS) && pc_is_syn(p) && !p->segment &&
	       (generation->inspect_peek >> (leaving->walk.inspect % PC_INSPECTS_MAX) & 1);
}

/* A SYN in the middle of a connection that is looked at: its server answers with an ACK, and the
 * client has to reset before it may begin another (RFC 5961). The first SYN's number stays.
 */
static __always_inline bool pc_is_in_peeked(const struct pc_leaving *leaving)
{
	const struct pc_flow_entry *entry;
	__u32 verdict;

	if (!leaving->query.found || leaving->query.again ||
	    !pc_is_syn(&leaving->walk.query.packet))
		return false;
	entry = pc_flow_at(leaving->query.index);
	if (!entry || entry->state == PC_FLOW_TCP_SYN_SENT)
		return false;
	verdict = PC_DECISION_VERDICT(entry->decision);
	return verdict == PC_DECISION_INSPECT || verdict == PC_DECISION_JUDGED ||
	       verdict == PC_DECISION_RELEASED;
}

/* A segment of a connection that was looked at, whose flow is over, or made to look so by who sends
 * resets that the server never gets; it may have been picked up again as another. What was not let
 * go then is not let go now.
 */
static __always_inline bool pc_is_unjudged(struct pc_leaving *leaving)
{
	const struct pc_packet *p = &leaving->walk.query.packet;
	const struct pc_flow *flow;

	if (!p->segment || !pc_is_segment(p) || pc_is_syn(p))
		return false;
	flow = bpf_map_lookup_elem(&flows, &leaving->key);
	return flow && flow->verdict == PC_FLOW_PEEK && !flow->released;
}

/* An inspect rule decides. Of TCP it concerns what begins a flow: packets of flows that began
 * without us pass. Of UDP it concerns all that does not answer.
 */
static __always_inline int pc_leave_to_inspect(struct __sk_buff *skb, struct pc_leaving *leaving,
					       const struct pc_control *now,
					       const struct pc_generation *generation)
{
	const struct pc_packet *p = &leaving->walk.query.packet;
	__u32 rule_id = leaving->walk.rule_id;
	const struct pc_flow *flow = NULL;
	__u64 now_ns;

	if (p->frag == PC_FRAG_LATER || (p->proto == IPPROTO_TCP && p->frag != PC_FRAG_NONE)) {
		pc_count_rule(rule_id, leaving->bytes, leaving->walk.jiffies);
		return pc_leave_dropped(leaving, PC_REASON_INSPECT_FRAGMENT);
	}
	if (pc_is_unjudged(leaving))
		return pc_leave_dropped(leaving, PC_REASON_FLOW_CUT);
	if (pc_is_in_peeked(leaving))
		return p->segment ? pc_leave_dropped(leaving, PC_REASON_FLOW_CUT) : TC_ACT_UNSPEC;
	if (!pc_is_syn(p) && !pc_is_datagram(p))
		return TC_ACT_UNSPEC;
	now_ns = bpf_ktime_get_ns();
	if (pc_is_datagram(p)) {
		flow = bpf_map_lookup_elem(&insp_udp, &leaving->key);
		if (!flow && pc_is_answer(leaving))
			return TC_ACT_UNSPEC;
		if (flow && flow->verdict != PC_FLOW_INSPECT) {
			if (now_ns - flow->created_ns < PC_OVERLOAD_NS)
				return pc_leave_overloaded(leaving, flow);
			flow = NULL;
		}
	}
	if (pc_may_peek(leaving, generation))
		leaving->verdict = PC_DECISION_INSPECT;
	if (!pc_is_divertible(p) || !pc_inspector_is_up(now, &leaving->key, now_ns)) {
		leaving->verdict = PC_DECISION_ACCEPT;
		/* What an earlier connection of these ports was is not what this one is. */
		if (pc_is_syn(p))
			bpf_map_delete_elem(&flows, &leaving->key);
		pc_count_rule(rule_id, leaving->bytes, leaving->walk.jiffies);
		return pc_leave_uninspected(leaving, generation);
	}
	if (!flow || !pc_is_same_flow(flow, leaving, generation)) {
		if (!pc_remember(skb, leaving, generation, now_ns)) {
			leaving->verdict = PC_DECISION_ACCEPT;
			pc_count_rule(rule_id, leaving->bytes, leaving->walk.jiffies);
			return pc_leave_uninspected(leaving, generation);
		}
		pc_report_leaving(leaving, PC_REASON_INSPECT_DIVERT);
	}
	if (leaving->verdict == PC_DECISION_INSPECT) {
		pc_count_rule(rule_id, leaving->bytes, leaving->walk.jiffies);
		return TC_ACT_UNSPEC;
	}
	return pc_leave_inspected(skb, leaving, now, rule_id);
}

static __always_inline bool pc_watches_datagrams(const struct pc_leaving *leaving,
						 const struct pc_generation *generation)
{
	return generation->datagram_zones >> (leaving->walk.out_zone % PC_ZONES_MAX) & 1;
}

/* A later fragment goes the way of the first one; it is dropped where that may have been inspected
 * and is not known. PASS: nothing is said about it.
 */
static __always_inline enum pc_flow_verdict pc_judge_later(struct pc_leaving *leaving,
							   const struct pc_generation *generation)
{
	struct pc_insp_datagram *datagram = &leaving->fragmented.datagram;
	const struct pc_insp_fragments *known;

	if (!pc_watches_datagrams(leaving, generation))
		return PC_FLOW_PASS;
	pc_datagram_of(&leaving->walk.query.packet, &leaving->key, 0, datagram);
	known = pc_find_fragments(datagram, bpf_ktime_get_ns());
	if (!known)
		return PC_FLOW_DROP;
	leaving->walk.rule_id = known->rule_id;
	return known->verdict;
}

/* After the first fragment has been judged. */
static __always_inline void pc_note_first(struct pc_leaving *leaving, int answer)
{
	if (answer != TC_ACT_UNSPEC && answer != TC_ACT_REDIRECT)
		return;
	/* From the key: rules see the packet's source as it was before NAT. */
	pc_datagram_of(&leaving->walk.query.packet, &leaving->key, 0,
		       &leaving->fragmented.datagram);
	pc_note_fragments(&leaving->fragmented, &leaving->key, leaving->walk.rule_id,
			  answer == TC_ACT_REDIRECT ? PC_FLOW_INSPECT : PC_FLOW_PASS);
}

/* Only rules of TC are carried out: what a rule of XDP says was done on arrival. */
static __always_inline int pc_leave_by_rule(struct __sk_buff *skb, struct pc_leaving *leaving,
					    const struct pc_control *now,
					    const struct pc_generation *generation)
{
	const struct pc_walk *walk = &leaving->walk;

	if (!walk->at_tc)
		return TC_ACT_UNSPEC;
	if (walk->action == PC_ACTION_INSPECT)
		return pc_leave_to_inspect(skb, leaving, now, generation);
	pc_count_rule(walk->rule_id, leaving->bytes, walk->jiffies);
	if (walk->action == PC_ACTION_DROP)
		return pc_leave_dropped(leaving, walk->limited ? PC_REASON_LIMIT : PC_REASON_RULE);
	if (walk->action == PC_ACTION_REJECT)
		return pc_leave_dropped(leaving, PC_REASON_REJECT);
	pc_report_leaving(leaving, PC_REASON_NONE);
	return TC_ACT_UNSPEC;
}

/* Rules see the source as it was before NAT: it is put in its place in the packet that the walk
 * sees, after the key was made.
 */
static __always_inline void pc_see_client(struct __sk_buff *skb, struct pc_leaving *leaving)
{
	struct pc_packet *p = &leaving->walk.query.packet;

	__builtin_memcpy(leaving->client.addr, p->saddr, sizeof(leaving->client.addr));
	leaving->client.port = leaving->key.sport;
	leaving->client.found = 0;
	leaving->client.answer = 0;
	if (!(p->flags & PC_PKT_HAS_PORTS) || (leaving->walk.own_packet && p->proto != IPPROTO_UDP))
		return;
	pc_find_client(skb, &leaving->key, &leaving->client);
	__builtin_memcpy(p->saddr, leaving->client.addr, sizeof(p->saddr));
	p->sport = bpf_ntohs(leaving->client.port);
}

static __always_inline int pc_leave_judged(struct __sk_buff *skb, struct pc_leaving *leaving,
					   const struct pc_control *now,
					   const struct pc_generation *generation)
{
	struct pc_walk *walk = &leaving->walk;
	int end;

	pc_see_client(skb, leaving);
	end = pc_walk_start(walk) ? PC_WALK_BROKEN : pc_walk_on(walk);
	if (walk->mark_mask)
		skb->mark = (skb->mark & ~walk->mark_mask) | walk->mark;
	if (end == PC_WALK_RULE)
		return pc_leave_by_rule(skb, leaving, now, generation);
	if (end == PC_WALK_NO_RULE)
		return TC_ACT_UNSPEC;
	return pc_leave_dropped(leaving, PC_REASON_INTERNAL);
}

/* What cannot be read was judged on arrival, or the router made it; but a forwarded packet may have
 * come by an interface without XDP. An interface without Ethernet headers is refused when it is
 * attached; should it become one of those, its packets look like something else than what the stack
 * says they are.
 */
static __always_inline int pc_leave_unparsed(struct __sk_buff *skb, struct pc_leaving *leaving,
					     const struct pc_generation *generation)
{
	const struct pc_packet *p = &leaving->walk.query.packet;
	enum pc_reason reason = p->reason;
	bool ip = skb->protocol == bpf_htons(ETH_P_IP) || skb->protocol == bpf_htons(ETH_P_IPV6);

	leaving->bytes = leaving->frame_len;
	leaving->walk.log = generation->log;
	leaving->walk.action = PC_ACTION_DROP;
	if (pc_is_non_ip(p)) {
		if (!ip)
			return TC_ACT_UNSPEC;
		reason = PC_REASON_ETH_TRUNCATED;
	}
	if (leaving->walk.own_packet || generation->unparseable_accept) {
		pc_count_reason(PC_REASON_UNPARSEABLE, leaving->bytes, leaving->walk.jiffies);
		return TC_ACT_UNSPEC;
	}
	return pc_leave_dropped(leaving, reason);
}
