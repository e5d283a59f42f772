/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows handed to the inspector: their keys, whether it is there to take them, the way to it and
 * the way back. State is made by a SYN only; later packets of the flow follow it.
 */
#pragma once

#include <linux/pkt_cls.h>
#include "xdp/maps.h"
#include "xdp/parse.h"

/* The tuple as the packet has it. */
static __always_inline void pc_key_of(const struct pc_packet *p, struct pc_flow_key *key)
{
	__builtin_memcpy(key->saddr, p->saddr, sizeof(key->saddr));
	__builtin_memcpy(key->daddr, p->daddr, sizeof(key->daddr));
	key->sport = bpf_htons(p->sport);
	key->dport = bpf_htons(p->dport);
	key->proto = p->proto;
	key->family = p->family;
	__builtin_memset(key->zero, 0, sizeof(key->zero));
}

/* The same in the other direction. */
static __always_inline void pc_turn_key(struct pc_flow_key *key)
{
	__be32 addr[4];
	__be16 port = key->sport;

	__builtin_memcpy(addr, key->saddr, sizeof(addr));
	__builtin_memcpy(key->saddr, key->daddr, sizeof(addr));
	__builtin_memcpy(key->daddr, addr, sizeof(addr));
	key->sport = key->dport;
	key->dport = port;
}

/* Whole TCP segments: fragments have no state, because the later ones have no ports. */
static __always_inline bool pc_is_segment(const struct pc_packet *p)
{
	return p->frag == PC_FRAG_NONE && (p->flags & PC_PKT_HAS_TCP_FLAGS);
}

static __always_inline bool pc_is_syn(const struct pc_packet *p)
{
	return pc_is_segment(p) && (p->tcp_flags & (PC_TCP_SYN | PC_TCP_ACK)) == PC_TCP_SYN;
}

/* Is somebody there? Listeners leave the SOCKMAP when they die, however that happens; a process
 * that hangs stops its heartbeat.
 */
static __always_inline bool pc_inspector_is_up(const struct pc_control *now, __u8 family,
					       __u64 now_ns)
{
	__u32 which = family == 6 ? PC_LISTENER_TCP6 : PC_LISTENER_TCP4, zero = 0;
	const struct pc_heartbeat *heart;
	struct bpf_sock *listener;

	if (!now->inspect_veth)
		return false;
	heart = bpf_map_lookup_elem(&heartbeat, &zero);
	if (!heart)
		return false;
	/* Signed: the beat may come from another CPU, a moment after our look at the clock. */
	if ((__s64)(now_ns - *(const volatile __u64 *)&heart->beat_ns) >
	    (__s64)PC_HEARTBEAT_TIMEOUT_NS)
		return false;
	listener = bpf_map_lookup_elem(&listeners, &which);
	if (!listener)
		return false;
	bpf_sk_release(listener);
	return true;
}

/* Only what has nothing but an Ethernet header and a tag in the skb's own field can be handed over
 * and brought back: tags and PPPoE inside of the frame would meet no device in the inspector's
 * namespace.
 */
static __always_inline bool pc_is_divertible(const struct pc_packet *p)
{
	return p->l3_off == ETH_HLEN && !(p->flags & PC_PKT_PPPOE);
}

/* Never bpf_redirect_peer() (CVE-2025-37959), and checksums are not touched: what the router itself
 * sends has only partial ones yet.
 */
static __always_inline int pc_divert(struct __sk_buff *skb, const struct pc_control *now)
{
	__u8 mac[ETH_ALEN];

	__builtin_memcpy(mac, now->inspect_mac, sizeof(mac));
	if (skb->vlan_present && bpf_skb_vlan_pop(skb))
		return TC_ACT_SHOT;
	if (bpf_skb_store_bytes(skb, 0, mac, sizeof(mac), 0))
		return TC_ACT_SHOT;
	return (int)bpf_redirect(now->inspect_veth, 0);
}

/* The inspector's answer enters by the WAN, as if the server had sent it: conntrack undoes the
 * masquerade there.
 */
static __always_inline int pc_bring_back(struct __sk_buff *skb, const struct pc_flow *flow)
{
	__u8 addresses[2 * ETH_ALEN];
	__u32 ifindex = flow->ifindex;

	__builtin_memcpy(addresses, flow->eth + ETH_ALEN, ETH_ALEN);
	__builtin_memcpy(addresses + ETH_ALEN, flow->eth, ETH_ALEN);
	if (bpf_skb_store_bytes(skb, 0, addresses, sizeof(addresses), 0))
		return TC_ACT_SHOT;
	if (flow->vlan_proto && bpf_skb_vlan_push(skb, flow->vlan_proto, flow->vlan_tci))
		return TC_ACT_SHOT;
	/* 0 is PACKET_HOST: for another host's packet the stack drops it without a word. */
	if (bpf_skb_change_type(skb, 0))
		return TC_ACT_SHOT;
	return (int)bpf_redirect(ifindex, BPF_F_INGRESS);
}
