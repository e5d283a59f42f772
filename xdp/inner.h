/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMP errors carry the beginning of the packet that they complain about: the flow they belong to.
 * Whoever includes this says how bytes are read from its kind of packet: PC_LOAD_BYTES(ctx, offset,
 * to, size), 0 if they are all there.
 */
#pragma once

#include <linux/ip.h>
#include <linux/ipv6.h>

#include "xdp/flow_table.h"
#include "xdp/parse.h"

enum pc_icmp_word {
	PC_ICMP4_ECHO_REPLY = 0,
	PC_ICMP4_UNREACHABLE = 3,
	PC_ICMP4_ECHO = 8,
	PC_ICMP4_TIME_EXCEEDED = 11,
	PC_ICMP4_PARAMETER_PROBLEM = 12,
	PC_ICMP6_ERROR_LAST = 4, /* from 1 on */
	PC_ICMP6_ECHO = 128,
	PC_ICMP6_ECHO_REPLY = 129,
};

static __always_inline bool pc_complains(const struct pc_packet *p)
{
	if (!(p->flags & PC_PKT_HAS_ICMP) || p->frag != PC_FRAG_NONE)
		return false;
	if (p->family == 6)
		return p->icmp_type >= 1 && p->icmp_type <= PC_ICMP6_ERROR_LAST;
	return p->icmp_type == PC_ICMP4_UNREACHABLE || p->icmp_type == PC_ICMP4_TIME_EXCEEDED ||
	       p->icmp_type == PC_ICMP4_PARAMETER_PROBLEM;
}

static __always_inline bool pc_has_ports(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == PC_PROTO_UDPLITE ||
	       proto == PC_PROTO_SCTP || proto == PC_PROTO_DCCP;
}

static __always_inline bool pc_is_icmp_of(__u8 proto, __u8 family)
{
	return proto == (family == 4 ? IPPROTO_ICMP : PC_PROTO_ICMPV6);
}

/* The first 8 bytes of the transport header are there, by RFC 792 and RFC 4443. `*seq` is TCP's. */
static __always_inline bool pc_inner_l4(void *ctx, __u32 off, struct pc_flow_query *query,
					__u32 *seq)
{
	struct {
		__be16 first, second;
		__be32 word;
	} l4;

	off &= PC_OFFSET_MASK;
	if (PC_LOAD_BYTES(ctx, off, &l4, sizeof(l4)))
		return false;
	*seq = bpf_ntohl(l4.word);
	query->port[0] = query->port[1] = 0;
	if (pc_has_ports(query->proto)) {
		query->port[0] = bpf_ntohs(l4.first);
		query->port[1] = bpf_ntohs(l4.second);
	} else if (pc_is_icmp_of(query->proto, query->family)) {
		query->port[0] = query->port[1] = (__u16)(*seq >> 16);
	}
	return true;
}

static __always_inline bool pc_inner_v4(void *ctx, __u32 off, struct pc_flow_query *query,
					__u32 *seq)
{
	struct iphdr ip;

	if (PC_LOAD_BYTES(ctx, off, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5 ||
	    (ip.frag_off & bpf_htons(PC_IP_OFFSET)))
		return false;
	query->addr[0][0] = ip.saddr;
	query->addr[1][0] = ip.daddr;
	query->proto = ip.protocol;
	return pc_inner_l4(ctx, off + ip.ihl * 4U, query, seq);
}

/* Packets with extension headers are not looked into: nobody learns of such an error. */
static __always_inline bool pc_inner_v6(void *ctx, __u32 off, struct pc_flow_query *query,
					__u32 *seq)
{
	struct ipv6hdr ip;

	if (PC_LOAD_BYTES(ctx, off, &ip, sizeof(ip)) || ip.version != 6)
		return false;
	__builtin_memcpy(query->addr[0], &ip.saddr, sizeof(ip.saddr));
	__builtin_memcpy(query->addr[1], &ip.daddr, sizeof(ip.daddr));
	query->proto = ip.nexthdr;
	return pc_inner_l4(ctx, off + sizeof(ip), query, seq);
}

/* The packet inside of an ICMP error, as if it were at hand. False: there is none to be read. */
static __noinline int pc_inner_key_of(void *ctx, const struct pc_packet *p,
				      struct pc_flow_query *query, __u32 *seq)
{
	__u32 off = (p->l4_off + 8U) & PC_OFFSET_MASK;

	__builtin_memset(query->addr, 0, sizeof(query->addr));
	query->family = p->family;
	return p->family == 4 ? pc_inner_v4(ctx, off, query, seq)
			      : pc_inner_v6(ctx, off, query, seq);
}
