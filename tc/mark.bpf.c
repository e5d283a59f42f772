// SPDX-License-Identifier: GPL-2.0-or-later
/* The TC programs: what leaves (rules with `out`, inspection), the marks that XDP leaves for TC,
 * the answers of the inspector, and the choice of its listener.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "xdp/maps.h"
#include "tc/peek.h"

char pc_mark_license[] SEC("license") = "GPL";

enum pc_socket_family { PC_SOCKET_INET = 2, PC_SOCKET_INET6 = 10 };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pc_leaving);
} leaving_packets SEC(".maps");

/* Headers may lie outside of the skb's linear part, which is then made longer: once. */
enum pc_pull { PC_PULL_BYTES = 256 };

static __noinline bool pc_parse_linear(struct __sk_buff *skb, struct pc_packet *p)
{
	struct pc_cursor cursor = {
		.data = (void *)(long)skb->data,
		.data_end = (void *)(long)skb->data_end,
		.len = skb->len,
		.tag = skb->vlan_present ? skb->vlan_tci : PC_NO_TAG,
	};

	return pc_parse(&cursor, p);
}

static __always_inline bool pc_parse_skb(struct __sk_buff *skb, struct pc_packet *p)
{
	__u32 linear = skb->data_end - skb->data;

	if (pc_parse_linear(skb, p))
		return true;
	if (pc_is_non_ip(p) || linear >= skb->len || linear >= PC_PULL_BYTES)
		return false;
	if (bpf_skb_pull_data(skb, skb->len < PC_PULL_BYTES ? skb->len : PC_PULL_BYTES))
		return false;
	return pc_parse_linear(skb, p);
}

static __always_inline bool pc_begin_leaving(struct __sk_buff *skb, struct pc_leaving *leaving,
					     __u32 slot)
{
	const struct pc_iface *iface = pc_iface_of(slot, skb->ifindex);
	struct pc_walk *walk = &leaving->walk;

	if (!iface || (!iface->zone && !iface->vlan_table))
		return false;
	__builtin_memset(&walk->jiffies, 0,
			 sizeof(*walk) - __builtin_offsetof(struct pc_walk, jiffies));
	walk->jiffies = bpf_jiffies64();
	walk->slot = slot;
	walk->ifindex = skb->ifindex;
	walk->hook = PC_HOOK_TC;
	walk->own_packet = !skb->ingress_ifindex;
	walk->out_known = 1;
	leaving->query.found = 0;
	leaving->verdict = PC_DECISION_ACCEPT;
	leaving->frame_len = skb->len;
	leaving->iface_slot = iface->slot;
	return true;
}

static __always_inline void pc_set_zones(struct __sk_buff *skb, struct pc_leaving *leaving)
{
	struct pc_walk *walk = &leaving->walk;

	walk->out_zone = pc_zone_of(walk->slot, skb->ifindex, walk->query.packet.vlan);
	if (!walk->own_packet)
		walk->in_zone = pc_zone_of(walk->slot, skb->ingress_ifindex, PC_VLAN_NONE);
}

/* The flow that the inspector has and this packet belongs to. A SYN is judged again: it may reuse
 * the ports of an old flow, which ends here.
 */
static __always_inline const struct pc_flow *pc_known_flow(struct __sk_buff *skb,
							   struct pc_leaving *leaving)
{
	const struct pc_packet *p = &leaving->walk.query.packet;
	const struct pc_flow *flow;

	if (pc_is_syn(p)) {
		flow = bpf_map_lookup_elem(&flows, &leaving->key);
		/* One that is looked at goes on, unless the SYN begins the next one. */
		if (flow && flow->verdict != PC_FLOW_PEEK)
			bpf_map_delete_elem(&flows, &leaving->key);
		return NULL;
	}
	if (!pc_is_segment(p) && !pc_is_datagram(p)) {
		/* An error about what the inspector sent to the client, in the name of the server.
		 */
		if (!pc_inner_key(skb, p, &leaving->query, &leaving->key))
			return NULL;
		pc_turn_key(&leaving->key);
	}
	flow = pc_inspected_flow(&leaving->key);
	return flow && flow->verdict == PC_FLOW_INSPECT ? flow : NULL;
}

static __always_inline bool pc_is_bypass(const struct __sk_buff *skb, const struct pc_control *now)
{
	return now->bypass_mark && (skb->mark & now->bypass_mark) == now->bypass_mark;
}

SEC("tc")
int pc_tc_egress(struct __sk_buff *skb)
{
	__u32 zero = 0, slot;
	const struct pc_control *now = bpf_map_lookup_elem(&control, &zero);
	struct pc_leaving *leaving = bpf_map_lookup_elem(&leaving_packets, &zero);
	const struct pc_generation *generation;
	const struct pc_flow *flow = NULL;
	const struct pc_packet *p;
	bool bypass, flows_on;
	int answer;

	if (!now || !leaving)
		return TC_ACT_SHOT; /* a map without its first entry: cannot be */
	if (pc_comes_from_inspector(skb, now))
		return TC_ACT_UNSPEC;
	bypass = pc_is_bypass(skb, now);
	if (bypass)
		pc_count_reason(PC_REASON_INSPECT_BYPASS, skb->len, bpf_jiffies64());
	/* All that decides a packet is of the generation that is active now. */
	slot = *(const volatile __u32 *)&now->active % PC_GENERATIONS;
	generation = bpf_map_lookup_elem(&generations, &slot);
	if (!generation)
		return TC_ACT_SHOT;
	flows_on = generation->flags & PC_GEN_FLOWS;
	if ((bypass && !flows_on) || !pc_begin_leaving(skb, leaving, slot))
		return TC_ACT_UNSPEC;
	if (!pc_parse_skb(skb, &leaving->walk.query.packet))
		return bypass ? TC_ACT_UNSPEC : pc_leave_unparsed(skb, leaving, generation);
	p = &leaving->walk.query.packet;
	leaving->bytes = p->len;
	pc_set_zones(skb, leaving);
	pc_key_of(p, &leaving->key);
	if (!bypass && pc_is_later_datagram(p)) {
		switch (pc_judge_later(leaving, generation)) {
		case PC_FLOW_INSPECT:
			return pc_leave_inspected(skb, leaving, now, leaving->walk.rule_id);
		case PC_FLOW_DROP:
			return pc_leave_dropped(leaving, PC_REASON_INSPECT_FRAGMENT);
		case PC_FLOW_PASS:
		case PC_FLOW_PEEK: /* of TCP only */
			break;
		}
	} else if (now->inspect_veth && !bypass) {
		flow = pc_known_flow(skb, leaving);
	}
	if (flow && !pc_is_datagram(p))
		return pc_leave_inspected(skb, leaving, now, flow->rule_id);
	leaving->walk.query.state_bit = PC_STATE_NEW;
	if (flows_on && !pc_track(skb, leaving, generation))
		return pc_leave_dropped(leaving, PC_REASON_FLOW_CUT);
	if (flows_on && leaving->query.found && !pc_translate_answer(skb, leaving, generation))
		return pc_leave_dropped(leaving, PC_REASON_SYN_COOKIE);
	if (flows_on && !bypass) {
		answer = pc_leave_peeked(skb, leaving, now, generation);
		if (answer != PC_PEEK_NOTHING)
			return answer;
	}
	if (bypass || !(generation->flags & (PC_GEN_TC | PC_GEN_INSPECT)) ||
	    (flows_on && !flow && pc_needs_no_rules(leaving, generation)))
		answer = TC_ACT_UNSPEC;
	else
		answer = pc_leave_judged(skb, leaving, now, generation);
	/* No longer inspected: from here on it is a flow like any other. */
	if (flow && answer != TC_ACT_REDIRECT)
		bpf_map_delete_elem(&insp_udp, &leaving->key);
	if (!bypass && pc_is_first_datagram(p) && pc_watches_datagrams(leaving, generation))
		pc_note_first(leaving, answer);
	if (flows_on && (answer == TC_ACT_UNSPEC || answer == TC_ACT_SHOT))
		pc_admit_leaving(leaving, generation, answer == TC_ACT_UNSPEC);
	return answer;
}

/* The mark of an XDP rule, left in front of the packet. */
SEC("tc")
int pc_tc_ingress(struct __sk_buff *skb)
{
	const struct pc_meta *meta = (void *)(long)skb->data_meta;

	if ((const void *)(meta + 1) > (const void *)(long)skb->data ||
	    meta->magic != PC_META_MAGIC)
		return TC_ACT_UNSPEC;
	skb->mark = (skb->mark & ~meta->mark_mask) | meta->mark;
	return TC_ACT_UNSPEC;
}

/* Does the inspector's namespace only find its neighbours, or manage its groups? */
static __always_inline bool pc_is_neighbourly(const struct pc_packet *p)
{
	return !p->family ||
	       (p->family == 6 && (p->flags & PC_PKT_HAS_ICMP) &&
		(p->icmp_type == 143 || (p->icmp_type >= 130 && p->icmp_type <= 137)));
}

/* The flow that a packet of the inspector answers, or that an ICMP error out of its namespace is
 * about.
 */
static __always_inline const struct pc_flow *pc_answered_flow(struct __sk_buff *skb,
							      struct pc_leaving *leaving)
{
	const struct pc_packet *p = &leaving->walk.query.packet;
	struct pc_fragmented *fragmented = &leaving->fragmented;
	const struct pc_insp_fragments *known;

	pc_key_of(p, &leaving->key);
	if (p->frag != PC_FRAG_NONE)
		pc_datagram_of(p, &leaving->key, 1, &fragmented->datagram);
	if (pc_is_later_datagram(p)) {
		known = pc_find_fragments(&fragmented->datagram, bpf_ktime_get_ns());
		return known ? bpf_map_lookup_elem(&insp_udp, &known->flow) : NULL;
	}
	if (pc_is_segment(p) || pc_is_datagram(p)) {
		pc_turn_key(&leaving->key);
		if (p->frag == PC_FRAG_FIRST)
			pc_note_fragments(fragmented, &leaving->key, 0, PC_FLOW_INSPECT);
	} else if (!pc_inner_key(skb, p, &leaving->query, &leaving->key)) {
		return NULL;
	}
	return pc_inspected_flow(&leaving->key);
}

/* On the host's end of the inspector's veth: what comes from the inspector's namespace. Nothing of
 * it ever enters the host's stack here.
 */
SEC("tc")
int pc_insp_ingress(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct pc_leaving *leaving = bpf_map_lookup_elem(&leaving_packets, &zero);
	const struct pc_flow *flow = NULL;
	const struct pc_packet *p;
	__u8 word = pc_peek_word(skb);

	if (!leaving)
		return TC_ACT_SHOT;
	p = &leaving->walk.query.packet;
	if (word) {
		if (!pc_parse_skb(skb, &leaving->walk.query.packet) || !pc_is_segment(p))
			return TC_ACT_SHOT;
		pc_key_of(p, &leaving->key);
		return pc_peek_answered(skb, leaving, word);
	}
	if (pc_parse_skb(skb, &leaving->walk.query.packet))
		flow = pc_answered_flow(skb, leaving);
	if (flow) {
		pc_count_reason(PC_REASON_INSPECT_REPLY, p->len, bpf_jiffies64());
		return pc_bring_back(skb, flow);
	}
	if (!pc_is_neighbourly(p))
		pc_count_reason(PC_REASON_INSPECT_STRAY, skb->len, bpf_jiffies64());
	return TC_ACT_SHOT;
}

/* In the inspector's namespace: the listener for a connection or a datagram to any address and
 * port. The kernel asks before it looks for a socket that is bound to that address itself, so the
 * sockets that answer in a server's name take nothing from the listener.
 */
SEC("sk_lookup")
int pc_sk_lookup(struct bpf_sk_lookup *ctx)
{
	const struct pc_heartbeat *heart = NULL;
	struct pc_flow_key key = {};
	struct bpf_sock *listener;
	__u32 place = 0;
	long failed;

	if (ctx->protocol != IPPROTO_TCP && ctx->protocol != IPPROTO_UDP)
		return SK_DROP;
	key.proto = ctx->protocol;
	key.family = 4;
	key.saddr[0] = ctx->remote_ip4;
	key.daddr[0] = ctx->local_ip4;
	/* For the verifier: both branches in one would read from a changed context pointer. */
	asm volatile("" ::: "memory");
	if (ctx->family == PC_SOCKET_INET6) {
		key.family = 6;
		for (int i = 0; i < 4; i++) {
			key.saddr[i] = ctx->remote_ip6[i];
			key.daddr[i] = ctx->local_ip6[i];
		}
	}
	key.sport = ctx->remote_port;
	key.dport = bpf_htons(ctx->local_port);
	if (!pc_find_worker(&key, &place, &heart))
		return SK_DROP;
	listener = bpf_map_lookup_elem(&listeners, &place);
	if (!listener)
		return SK_DROP;
	failed = bpf_sk_assign(ctx, listener, 0);
	bpf_sk_release(listener);
	return failed ? SK_DROP : SK_PASS;
}
