/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPv4 and IPv6, fail closed: what the headers claim has to fit into the frame, and what decides
 * the packet has to be in it. Bytes after the IP length are Ethernet's padding.
 */
#pragma once
#include "xdp/packet.h"
#include "xdp/parse_l4.h"
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#define PC_IP_OFFSET 0x1fff /* of IPv4's frag_off, in units of 8 bytes */
#define PC_IP_MF     0x2000

enum pc_ext_header {
	PC_EXT_HOP_BY_HOP = 0,
	PC_EXT_ROUTING = 43,
	PC_EXT_FRAGMENT = 44,
	PC_EXT_AUTH = 51,
	PC_EXT_DEST_OPTS = 60,
	PC_EXT_MOBILITY = 135,
	PC_EXT_HIP = 139,
	PC_EXT_SHIM6 = 140,
};

/* A segmentation packet of the stack may be longer than its length field can say (BIG TCP): the
 * field is 0, and the buffer is the only truth. No frame of a wire is that long.
 */
static __always_inline __u32 pc_l3_len(const struct pc_cursor *c, __u32 field, __u32 extra)
{
	return !field && c->len > 0xffff ? c->len : field + extra;
}

/* RFC 3128: a later fragment at offset 1 would rewrite the flags of the TCP header judged before.
 */
static __always_inline bool pc_parse_later(struct pc_packet *p, __u32 offset)
{
	p->frag = PC_FRAG_LATER;
	if (p->proto == IPPROTO_TCP && offset == 1)
		return pc_refuse(p, PC_REASON_TINY_FRAGMENT);
	return true;
}

/* The cursor begins with the header; its length ends with the frame or the PPPoE payload. */
static __always_inline bool pc_parse_ipv4(const struct pc_cursor *c, struct pc_packet *p)
{
	const __u8 *l3 = pc_at(c, 0);
	__u32 size, len, frag_off;
	struct iphdr ip;

	if (c->len < sizeof(ip) || !pc_holds(c, l3, sizeof(ip)))
		return pc_refuse(p, PC_REASON_IPV4_TRUNCATED);
	pc_read(&ip, l3);
	if (ip.version != 4)
		return pc_refuse(p, PC_REASON_IPV4_VERSION);
	size = ip.ihl * 4U;
	if (size < sizeof(ip))
		return pc_refuse(p, PC_REASON_IPV4_IHL);
	len = pc_l3_len(c, bpf_ntohs(ip.tot_len), 0);
	if (len < size || len > c->len)
		return pc_refuse(p, PC_REASON_IPV4_TOTAL_LENGTH);

	p->family = 4;
	p->saddr[0] = ip.saddr;
	p->daddr[0] = ip.daddr;
	p->len = (__u16)(len > 0xffff ? 0xffff : len);
	p->proto = ip.protocol;
	p->ttl = ip.ttl;
	p->dscp = ip.tos >> 2;
	p->l4_off = (__u16)(p->l3_off + size);
	frag_off = bpf_ntohs(ip.frag_off);
	p->frag_id = bpf_ntohs(ip.id);
	if (frag_off & PC_IP_OFFSET)
		return pc_parse_later(p, frag_off & PC_IP_OFFSET);
	p->frag = frag_off & PC_IP_MF ? PC_FRAG_FIRST : PC_FRAG_NONE;
	return pc_parse_l4(c, size, len, p);
}

static __always_inline bool pc_is_ext_header(__u8 next)
{
	return next == PC_EXT_HOP_BY_HOP || next == PC_EXT_ROUTING || next == PC_EXT_FRAGMENT ||
	       next == PC_EXT_AUTH || next == PC_EXT_DEST_OPTS || next == PC_EXT_MOBILITY ||
	       next == PC_EXT_HIP || next == PC_EXT_SHIM6;
}

static __always_inline __u32 pc_ext_size(__u8 type, __u8 len)
{
	if (type == PC_EXT_FRAGMENT)
		return 8;
	if (type == PC_EXT_AUTH)
		return (len + 2) * 4U;
	return (len + 1) * 8U;
}

/* Follows the chain from the end of the IPv6 header to the upper-layer header; `len` is that of the
 * packet. ESP, "no next header" and unknown protocols end it. Of a later fragment only what
 * precedes the fragment header can be known. A second fragment header, even an atomic one, is a
 * fragment of a fragment: nobody sends these.
 */
static __always_inline bool pc_parse_chain(const struct pc_cursor *c, __u32 len,
					   struct pc_packet *p)
{
	__u32 i, size, offset, off = sizeof(struct ipv6hdr);
	bool fragment_seen = false;
	__u8 type;
	struct {
		__u8 next, len;
		__be16 frag_off;
		__be32 id;
	} ext;

	for (i = 0; i < PC_EXT_HEADERS_MAX; i++) {
		const __u8 *pos = pc_at(c, off);

		type = p->proto;
		if (!pc_is_ext_header((__u8)pc_forget(type, c->len)))
			break;
		if (off + 8 > len || !pc_holds(c, pos, 8))
			return pc_refuse_l4(p, PC_REASON_IPV6_EXT_TRUNCATED);
		pc_read(&ext, pos);
		size = pc_ext_size(type, ext.len);
		if (off + size > len)
			return pc_refuse_l4(p, PC_REASON_IPV6_EXT_TRUNCATED);
		off = pc_forget(off + size, c->len);
		p->proto = ext.next;
		if (type != PC_EXT_FRAGMENT)
			continue;
		if (fragment_seen)
			return pc_refuse(p, PC_REASON_IPV6_EXT_DEPTH);
		fragment_seen = true;
		offset = bpf_ntohs(ext.frag_off);
		p->frag_id = bpf_ntohl(ext.id);
		p->l4_off = (__u16)(p->l3_off + off);
		if (offset >> 3)
			return pc_parse_later(p, offset >> 3);
		p->frag = offset & 1 ? PC_FRAG_FIRST : PC_FRAG_NONE;
	}
	if (pc_is_ext_header(p->proto))
		return pc_refuse(p, PC_REASON_IPV6_EXT_DEPTH);
	p->l4_off = (__u16)(p->l3_off + off);
	return pc_parse_l4(c, off, len, p);
}

static __always_inline bool pc_parse_ipv6(const struct pc_cursor *c, struct pc_packet *p)
{
	const __u8 *l3 = pc_at(c, 0);
	struct ipv6hdr ip;
	__u32 len;

	if (c->len < sizeof(ip) || !pc_holds(c, l3, sizeof(ip)))
		return pc_refuse(p, PC_REASON_IPV6_TRUNCATED);
	pc_read(&ip, l3);
	if (ip.version != 6)
		return pc_refuse(p, PC_REASON_IPV6_VERSION);
	len = pc_l3_len(c, bpf_ntohs(ip.payload_len), sizeof(ip));
	/* Length 0 before hop-by-hop options is a jumbogram (RFC 2675), which no Ethernet carries.
	 */
	if (len > c->len || (len == sizeof(ip) && ip.nexthdr == PC_EXT_HOP_BY_HOP))
		return pc_refuse(p, PC_REASON_IPV6_PAYLOAD_LENGTH);

	p->family = 6;
	__builtin_memcpy(p->saddr, &ip.saddr, sizeof(p->saddr));
	__builtin_memcpy(p->daddr, &ip.daddr, sizeof(p->daddr));
	p->len = (__u16)(len > 0xffff ? 0xffff : len);
	p->proto = ip.nexthdr;
	p->ttl = ip.hop_limit;
	p->dscp = (__u8)(ip.priority << 2 | ip.flow_lbl[0] >> 6);
	return pc_parse_chain(c, len, p);
}
