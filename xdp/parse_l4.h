/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports, ICMP types and TCP flags of a packet that is not a later fragment. A first fragment has to
 * hold the whole transport header: if it does not, no rule could judge it and the rest could
 * overwrite what was judged (RFC 1858, RFC 7112).
 */
#pragma once
#include "xdp/packet.h"
#include <linux/in.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#define PC_PROTO_SCTP	 132
#define PC_PROTO_DCCP	 33
#define PC_PROTO_UDPLITE 136
#define PC_PROTO_ICMPV6	 58

/* Fails with `reason`, or as a tiny fragment where it is the fragment that is too short. */
static __always_inline bool pc_refuse_l4(struct pc_packet *p, enum pc_reason reason)
{
	return pc_refuse(p, p->frag == PC_FRAG_FIRST ? PC_REASON_TINY_FRAGMENT : reason);
}

/* `rest` is the number of bytes from l4 to the end of the IP packet, here and below. */
static __always_inline bool pc_parse_tcp(const struct pc_cursor *c, const __u8 *l4, __u32 rest,
					 struct pc_packet *p)
{
	struct {
		__be16 source, dest;
		__be32 seq, ack_seq;
		__u8 doff, flags;
		__be16 window, check, urg_ptr;
	} tcp;
	__u32 size;

	if (rest < sizeof(struct tcphdr) || !pc_holds(c, l4, sizeof(struct tcphdr)))
		return pc_refuse_l4(p, PC_REASON_L4_TRUNCATED);
	pc_read(&tcp, l4);
	size = (tcp.doff >> 4) * 4U;
	if (size < sizeof(struct tcphdr))
		return pc_refuse(p, PC_REASON_TCP_DATA_OFFSET);
	if (size > rest)
		return pc_refuse_l4(p, PC_REASON_TCP_DATA_OFFSET);
	p->sport = bpf_ntohs(tcp.source);
	p->dport = bpf_ntohs(tcp.dest);
	p->tcp_flags = tcp.flags;
	p->seq = bpf_ntohl(tcp.seq);
	p->ack = bpf_ntohl(tcp.ack_seq);
	p->window = bpf_ntohs(tcp.window);
	p->segment = rest - size;
	p->scale = PC_NO_SCALE;
	p->l4_size = (__u8)size;
	p->flags |= PC_PKT_HAS_PORTS | PC_PKT_HAS_TCP_FLAGS;
	return true;
}

/* UDP and UDP-Lite (RFC 3828), whose length field is the coverage of its checksum, 0 for all. A
 * first fragment holds less than the length says: the end of the datagram is in later ones.
 */
static __always_inline bool pc_parse_udp(const struct pc_cursor *c, const __u8 *l4, __u32 rest,
					 struct pc_packet *p)
{
	struct udphdr udp;
	__u32 len;

	if (rest < sizeof(udp) || !pc_holds(c, l4, sizeof(udp)))
		return pc_refuse_l4(p, PC_REASON_L4_TRUNCATED);
	pc_read(&udp, l4);
	len = bpf_ntohs(udp.len);
	if (p->proto == PC_PROTO_UDPLITE && len == 0)
		len = rest;
	if (len < sizeof(udp) || (len > rest && p->frag != PC_FRAG_FIRST))
		return pc_refuse(p, PC_REASON_UDP_LENGTH);
	p->sport = bpf_ntohs(udp.source);
	p->dport = bpf_ntohs(udp.dest);
	p->flags |= PC_PKT_HAS_PORTS;
	return true;
}

/* SCTP (RFC 9260) and DCCP (RFC 4340): both begin with the ports, and 12 bytes are the least. */
static __always_inline bool pc_parse_ports(const struct pc_cursor *c, const __u8 *l4, __u32 rest,
					   struct pc_packet *p)
{
	struct {
		__be16 source, dest;
	} ports;

	if (rest < 12 || !pc_holds(c, l4, 12))
		return pc_refuse_l4(p, PC_REASON_L4_TRUNCATED);
	pc_read(&ports, l4);
	p->sport = bpf_ntohs(ports.source);
	p->dport = bpf_ntohs(ports.dest);
	p->flags |= PC_PKT_HAS_PORTS;
	return true;
}

/* Every message of RFC 792 and RFC 4443 has at least 8 bytes. */
static __always_inline bool pc_parse_icmp(const struct pc_cursor *c, const __u8 *l4, __u32 rest,
					  struct pc_packet *p)
{
	if (rest < 8 || !pc_holds(c, l4, 8))
		return pc_refuse_l4(p, PC_REASON_L4_TRUNCATED);
	p->icmp_type = l4[0];
	p->icmp_code = l4[1];
	p->seq = (__u32)l4[4] << 8 | l4[5];
	p->flags |= PC_PKT_HAS_ICMP;
	return true;
}

/* `off` and `len`, of the whole packet, count from the IP header, where the cursor begins. */
static __always_inline bool pc_parse_l4(const struct pc_cursor *c, __u32 off, __u32 len,
					struct pc_packet *p)
{
	const __u8 *l4 = pc_at(c, off);
	__u32 rest = len - off;

	switch (p->proto) {
	case IPPROTO_TCP:
		return pc_parse_tcp(c, l4, rest, p);
	case IPPROTO_UDP:
	case PC_PROTO_UDPLITE:
		return pc_parse_udp(c, l4, rest, p);
	case PC_PROTO_SCTP:
	case PC_PROTO_DCCP:
		return pc_parse_ports(c, l4, rest, p);
	case IPPROTO_ICMP:
		return p->family == 4 ? pc_parse_icmp(c, l4, rest, p) : true;
	case PC_PROTO_ICMPV6:
		return p->family == 6 ? pc_parse_icmp(c, l4, rest, p) : true;
	default:
		return true;
	}
}
