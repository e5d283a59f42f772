// SPDX-License-Identifier: GPL-2.0-or-later
/* The TC programs: what leaves (rules with `out`, inspection), the marks that XDP leaves for TC,
 * the answers of the inspector, and the choice of its listener.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "xdp/maps.h"
#include "tc/known.h"

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
		bpf_map_delete_elem(&flows, &leaving->key);
		return NULL;
	}
	if (!pc_is_segment(p)) {
		/* An error about what the inspector sent to the client, in the name of the server.
		 */
		if (!pc_inner_key(skb, p, &leaving->query, &leaving->key))
			return NULL;
		pc_turn_key(&leaving->key);
	}
	flow = bpf_map_lookup_elem(&flows, &leaving->key);
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
	bool bypass, flows_on;
	int answer;

	if (!now || !leaving)
		return TC_ACT_SHOT; /* a map without its first entry: cannot be */
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
	leaving->bytes = leaving->walk.query.packet.len;
	pc_set_zones(skb, leaving);
	pc_key_of(&leaving->walk.query.packet, &leaving->key);
	if (now->inspect_veth && !bypass)
		flow = pc_known_flow(skb, leaving);
	if (flow)
		return pc_leave_inspected(skb, leaving, now, flow->rule_id);
	leaving->walk.query.state_bit = PC_STATE_NEW;
	if (flows_on && !pc_track(skb, leaving, generation))
		return pc_leave_dropped(leaving, PC_REASON_FLOW_CUT);
	if (flows_on && leaving->query.found && !pc_translate_answer(skb, leaving, generation))
		return pc_leave_dropped(leaving, PC_REASON_SYN_COOKIE);
	if (bypass || !(generation->flags & (PC_GEN_TC | PC_GEN_INSPECT)) ||
	    (flows_on && pc_needs_no_rules(leaving, generation)))
		answer = TC_ACT_UNSPEC;
	else
		answer = pc_leave_judged(skb, leaving, now, generation);
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
	bool parsed;

	if (!leaving)
		return TC_ACT_SHOT;
	p = &leaving->walk.query.packet;
	parsed = pc_parse_skb(skb, &leaving->walk.query.packet);
	if (parsed && pc_is_segment(p)) {
		pc_key_of(p, &leaving->key);
		pc_turn_key(&leaving->key);
		flow = bpf_map_lookup_elem(&flows, &leaving->key);
	} else if (parsed && pc_inner_key(skb, p, &leaving->query, &leaving->key)) {
		flow = bpf_map_lookup_elem(&flows, &leaving->key);
	}
	if (flow) {
		pc_count_reason(PC_REASON_INSPECT_REPLY, p->len, bpf_jiffies64());
		return pc_bring_back(skb, flow);
	}
	if (!pc_is_neighbourly(p))
		pc_count_reason(PC_REASON_INSPECT_STRAY, skb->len, bpf_jiffies64());
	return TC_ACT_SHOT;
}

/* In the inspector's namespace: the listener for a connection to any address and port. */
SEC("sk_lookup")
int pc_sk_lookup(struct bpf_sk_lookup *ctx)
{
	__u32 which = ctx->family == PC_SOCKET_INET6 ? PC_LISTENER_TCP6 : PC_LISTENER_TCP4;
	struct bpf_sock *listener;
	long failed;

	if (ctx->protocol != IPPROTO_TCP)
		return SK_DROP;
	listener = bpf_map_lookup_elem(&listeners, &which);
	if (!listener)
		return SK_DROP;
	failed = bpf_sk_assign(ctx, listener, 0);
	bpf_sk_release(listener);
	return failed ? SK_DROP : SK_PASS;
}
