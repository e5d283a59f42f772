/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMP errors carry the beginning of the packet they complain about: the flow they belong to. */
#pragma once

#include "tc/flow.h"

enum pc_icmp_error {
	PC_ICMP4_UNREACHABLE = 3,
	PC_ICMP4_TIME_EXCEEDED = 11,
	PC_ICMP4_PARAMETER_PROBLEM = 12,
	PC_ICMP6_ERROR_LAST = 4, /* from 1 on */
};

static __always_inline bool pc_is_error(const struct pc_packet *p)
{
	if (!(p->flags & PC_PKT_HAS_ICMP) || p->frag != PC_FRAG_NONE)
		return false;
	if (p->family == 6)
		return p->icmp_type >= 1 && p->icmp_type <= PC_ICMP6_ERROR_LAST;
	return p->icmp_type == PC_ICMP4_UNREACHABLE || p->icmp_type == PC_ICMP4_TIME_EXCEEDED ||
	       p->icmp_type == PC_ICMP4_PARAMETER_PROBLEM;
}

static __always_inline bool pc_inner_ports(struct __sk_buff *skb, __u32 off,
					   struct pc_flow_key *key)
{
	struct {
		__be16 source, dest;
	} ports;

	if (bpf_skb_load_bytes(skb, off, &ports, sizeof(ports)))
		return false;
	key->sport = ports.source;
	key->dport = ports.dest;
	key->proto = IPPROTO_TCP;
	return true;
}

static __always_inline bool pc_inner_ipv4(struct __sk_buff *skb, __u32 off, struct pc_flow_key *key)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, off, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5 ||
	    ip.protocol != IPPROTO_TCP || (ip.frag_off & bpf_htons(PC_IP_OFFSET)))
		return false;
	key->family = 4;
	key->saddr[0] = ip.saddr;
	key->daddr[0] = ip.daddr;
	return pc_inner_ports(skb, off + ip.ihl * 4U, key);
}

/* Segments with extension headers are not looked into: their flow then learns of the error by time.
 */
static __always_inline bool pc_inner_ipv6(struct __sk_buff *skb, __u32 off, struct pc_flow_key *key)
{
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes(skb, off, &ip, sizeof(ip)) || ip.version != 6 ||
	    ip.nexthdr != IPPROTO_TCP)
		return false;
	key->family = 6;
	__builtin_memcpy(key->saddr, &ip.saddr, sizeof(key->saddr));
	__builtin_memcpy(key->daddr, &ip.daddr, sizeof(key->daddr));
	return pc_inner_ports(skb, off + sizeof(ip), key);
}

/* The tuple of the TCP packet inside of an ICMP error; false if there is none. */
static __always_inline bool pc_inner_key(struct __sk_buff *skb, const struct pc_packet *p,
					 struct pc_flow_key *key)
{
	__u32 off = p->l4_off + 8U;

	if (!pc_is_error(p))
		return false;
	__builtin_memset(key, 0, sizeof(*key));
	return p->family == 4 ? pc_inner_ipv4(skb, off, key) : pc_inner_ipv6(skb, off, key);
}
