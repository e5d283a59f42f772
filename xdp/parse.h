/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet parser: Ethernet, VLAN tags, PPPoE sessions, then IPv4 or IPv6.
 *
 * pc_parse() returns true for an IP packet that rules can judge. On false p->reason says why: a
 * PASS reason (pc_is_non_ip) for a frame that is no IP and meets a written default, a DROP reason
 * for a frame that is malformed or hides what a rule would ask for. What was read before the fault
 * stays in *p, for the event; p->family is 0 if no IP header was read.
 */
#pragma once
#include "xdp/packet.h"
#include "xdp/parse_ip.h"
#include <linux/if_ether.h>

enum pc_ethertype {
	PC_ETH_LENGTH_MAX = 0x0600, /* below: the length of an 802.3 frame with an LLC header */
	PC_ETH_PPP_IPV4 = 0x0021,
	PC_ETH_PPP_IPV6 = 0x0057,
	PC_ETH_PPP_CONTROL = 0x8000, /* set in LCP, PAP, CHAP and all network control protocols */
};

/* What follows the link headers: where it begins, where it ends, and its EtherType. */
struct pc_payload {
	__u32 off, end;
	__u16 ethertype;
	__u16 zero;
};

static __always_inline bool pc_parse_network(const struct pc_cursor *c, const struct pc_payload *l3,
					     struct pc_packet *p)
{
	__u32 off = pc_forget(l3->off, c->len);
	struct pc_cursor ip = { .data = pc_at(c, off),
				.data_end = c->data_end,
				.len = l3->end - off,
				.tag = PC_NO_TAG };

	p->l3_off = (__u16)off;
	return l3->ethertype == ETH_P_IP ? pc_parse_ipv4(&ip, p) : pc_parse_ipv6(&ip, p);
}

/* RFC 2516. What is neither IP nor control (compressed headers, multilink) carries IP that rules
 * cannot see: it is refused, not passed as something else.
 */
static __always_inline bool pc_parse_pppoe(const struct pc_cursor *c, struct pc_payload *l3,
					   struct pc_packet *p)
{
	const __u8 *pos = pc_at(c, l3->off);
	struct {
		__u8 version_type, code;
		__be16 session, len, proto;
	} ppp;
	__u32 len;
	__u16 proto;

	if (!pc_holds(c, pos, sizeof(ppp)))
		return pc_refuse(p, PC_REASON_PPPOE_MALFORMED);
	pc_read(&ppp, pos);
	len = bpf_ntohs(ppp.len); /* the two bytes of the PPP protocol and what follows */
	if (ppp.version_type != 0x11 || ppp.code || len < 2 || l3->off + 6 + len > c->len)
		return pc_refuse(p, PC_REASON_PPPOE_MALFORMED);
	proto = bpf_ntohs(ppp.proto);
	if (proto & PC_ETH_PPP_CONTROL)
		return pc_refuse(p, PC_REASON_LINK_CONTROL);
	if (proto != PC_ETH_PPP_IPV4 && proto != PC_ETH_PPP_IPV6)
		return pc_refuse(p, PC_REASON_PPPOE_MALFORMED);
	p->flags |= PC_PKT_PPPOE;
	l3->ethertype = proto == PC_ETH_PPP_IPV4 ? ETH_P_IP : ETH_P_IPV6;
	l3->end = l3->off + 6 + len;
	l3->off += sizeof(ppp);
	return true;
}

static __always_inline bool pc_is_vlan_tag(__u16 ethertype)
{
	return ethertype == ETH_P_8021Q || ethertype == ETH_P_8021AD;
}

/* A tag of id 0 only carries a priority: the stack takes it off and looks at the next one, and so
 * must we, or a tagged frame could enter as an untagged one.
 */
static __always_inline void pc_enter_vlan(struct pc_packet *p, __u32 tci)
{
	if (p->vlan == PC_VLAN_NONE && (tci & 0xfff))
		p->vlan = tci & 0xfff;
}

/* Takes one tag if there is one. */
static __always_inline bool pc_parse_vlan(const struct pc_cursor *c, struct pc_payload *l3,
					  struct pc_packet *p)
{
	const __u8 *pos = pc_at(c, l3->off);
	struct {
		__be16 tci, proto;
	} tag;

	if (!pc_is_vlan_tag(l3->ethertype))
		return true;
	if (!pc_holds(c, pos, sizeof(tag)))
		return pc_refuse(p, PC_REASON_VLAN_TRUNCATED);
	pc_read(&tag, pos);
	pc_enter_vlan(p, bpf_ntohs(tag.tci));
	l3->ethertype = bpf_ntohs(tag.proto);
	l3->off += sizeof(tag);
	return true;
}

static __always_inline bool pc_parse_other(__u16 ethertype, struct pc_packet *p)
{
	switch (ethertype) {
	case ETH_P_ARP:
		return pc_refuse(p, PC_REASON_ARP);
	case ETH_P_LLDP:
		return pc_refuse(p, PC_REASON_LLDP);
	case ETH_P_PPP_DISC:
	case ETH_P_SLOW:
	case ETH_P_PAE:
		return pc_refuse(p, PC_REASON_LINK_CONTROL);
	default:
		return pc_refuse(p, ethertype < PC_ETH_LENGTH_MAX ? PC_REASON_LINK_CONTROL
								  : PC_REASON_OTHER_ETHERTYPE);
	}
}

static __always_inline bool pc_parse(const struct pc_cursor *c, struct pc_packet *p)
{
	struct pc_payload l3 = { .off = ETH_HLEN, .end = c->len, .ethertype = 0, .zero = 0 };
	const __u8 *frame = pc_at(c, 0);
	struct {
		__u8 dest[ETH_ALEN], source[ETH_ALEN];
		__be16 proto;
	} eth;

	__builtin_memset(p, 0, sizeof(*p));
	p->vlan = PC_VLAN_NONE;
	p->frag = PC_FRAG_NONE;
	if (!pc_holds(c, frame, ETH_HLEN))
		return pc_refuse(p, PC_REASON_ETH_TRUNCATED);
	pc_read(&eth, frame);
	__builtin_memcpy(p->smac, eth.source, ETH_ALEN);
	l3.ethertype = bpf_ntohs(eth.proto);

	/* PC_VLAN_DEPTH_MAX tags, of which the hardware may have taken the first. */
	if (c->tag != PC_NO_TAG)
		pc_enter_vlan(p, c->tag);
	else if (!pc_parse_vlan(c, &l3, p))
		return false;
	if (!pc_parse_vlan(c, &l3, p))
		return false;
	if (pc_is_vlan_tag(l3.ethertype))
		return pc_refuse(p, PC_REASON_VLAN_DEPTH);

	if (l3.ethertype == ETH_P_PPP_SES && !pc_parse_pppoe(c, &l3, p))
		return false;
	if (l3.ethertype == ETH_P_IP || l3.ethertype == ETH_P_IPV6)
		return pc_parse_network(c, &l3, p);
	return pc_parse_other(l3.ethertype, p);
}
