/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows handed to the inspector: their keys, whether it is there to take them, the way to it and
 * the way back. Of TCP state is made by a SYN only, and later packets of the flow follow it; UDP
 * has no beginning, so each datagram is judged.
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

/* Datagrams, or their first fragments: what has UDP's ports. */
static __always_inline bool pc_is_datagram(const struct pc_packet *p)
{
	return p->proto == IPPROTO_UDP && p->frag != PC_FRAG_LATER && (p->flags & PC_PKT_HAS_PORTS);
}

static __always_inline struct pc_flow *pc_inspected_flow(const struct pc_flow_key *key)
{
	if (key->proto == IPPROTO_UDP)
		return bpf_map_lookup_elem(&insp_udp, key);
	return bpf_map_lookup_elem(&flows, key);
}

/* Which of the workers has a flow: all that concerns it must meet the same one, here as in the
 * inspector's namespace. The key is of the client's direction, as it leaves the WAN.
 */
static __always_inline __u32 pc_worker_of(const struct pc_flow_key *key,
					  const struct pc_heartbeat *any)
{
	__u32 workers = *(const volatile __u32 *)&any->workers;
	__u32 hash = any->seed ^ ((__u32)key->sport << 16 | key->dport);

	if (workers > PC_WORKERS_MAX)
		workers = PC_WORKERS_MAX;
	for (int i = 0; i < 4; i++) {
		hash = (hash ^ key->saddr[i]) * 0x9e3779b1U;
		hash = (hash ^ hash >> 15 ^ key->daddr[i]) * 0x85ebca6bU;
	}
	hash ^= hash >> 13;
	return (__u32)((__u64)hash * workers >> 32);
}

/* The place in `listeners` of the one that takes this flow, and the heart of its worker; false if
 * there has been no inspector yet.
 */
static __always_inline bool pc_find_worker(const struct pc_flow_key *key, __u32 *place,
					   const struct pc_heartbeat **heart)
{
	__u32 worker = 0, which = key->proto == IPPROTO_UDP ? PC_LISTENER_UDP4 : PC_LISTENER_TCP4;

	*heart = bpf_map_lookup_elem(&heartbeat, &worker);
	if (!*heart)
		return false;
	worker = pc_worker_of(key, *heart);
	*heart = bpf_map_lookup_elem(&heartbeat, &worker);
	*place = worker * PC_LISTENERS + which + (key->family == 6);
	return *heart;
}

/* Is somebody there? Listeners leave the SOCKMAP when they die, however that happens; a worker that
 * hangs stops its heartbeat, and the others go on.
 */
static __always_inline bool pc_inspector_is_up(const struct pc_control *now,
					       const struct pc_flow_key *key, __u64 now_ns)
{
	const struct pc_heartbeat *heart = NULL;
	struct bpf_sock *listener;
	__u32 place = 0;

	if (!now->inspect_veth || !pc_find_worker(key, &place, &heart))
		return false;
	/* Signed: the beat may come from another CPU, a moment after our look at the clock. */
	if ((__s64)(now_ns - *(const volatile __u64 *)&heart->beat_ns) >
	    (__s64)PC_HEARTBEAT_TIMEOUT_NS)
		return false;
	listener = bpf_map_lookup_elem(&listeners, &place);
	if (!listener)
		return false;
	bpf_sk_release(listener);
	return true;
}

/* To a group of hosts, or to all: nobody's flow. */
static __always_inline bool pc_is_to_many(const struct pc_packet *p)
{
	if (p->family == 6)
		return (p->daddr[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000);
	return (p->daddr[0] & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000) ||
	       p->daddr[0] == 0xffffffff;
}

/* Only what has nothing but an Ethernet header and a tag in the skb's own field can be handed over
 * and brought back: tags and PPPoE inside of the frame would meet no device in the inspector's
 * namespace.
 */
static __always_inline bool pc_is_divertible(const struct pc_packet *p)
{
	return p->l3_off == ETH_HLEN && !(p->flags & PC_PKT_PPPOE) && !pc_is_to_many(p);
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
