/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The answer of `reject`, made of the packet itself and sent back the way it came: a TCP reset, or
 * "administratively prohibited" of ICMP (type 3 code 13) or ICMPv6 (type 1 code 1). It comes from
 * the address that the packet was sent to. Link headers stay, with the MAC addresses exchanged.
 *
 * Nothing answers what could not be answered or would start a storm (RFC 1122 3.2.2, RFC 4443 2.4,
 * RFC 9293 3.5.2): fragments, ICMP errors, resets, groups, and sources that are nobody's. Answers
 * have a ceiling: what is over it is dropped and counted.
 */
#pragma once

#include "xdp/count.h"
#include "xdp/parse.h"

enum pc_icmp_type {
	PC_ICMP_UNREACHABLE = 3,
	PC_ICMP_FRAG_NEEDED = 4, /* a code of it */
	PC_ICMP_TIME_EXCEEDED = 11,
	PC_ICMP6_UNREACHABLE = 1,
	PC_ICMP6_TOO_BIG = 2,
	PC_ICMP6_TIME_EXCEEDED = 3,
	PC_ICMP6_PARAMETER = 4,
	PC_MLD_QUERY = 130,
	PC_MLD_DONE = 132,
	PC_ND_ROUTER_SOLICITATION = 133,
	PC_ND_NEIGHBOUR_ADVERTISEMENT = 136,
	PC_MLD2_REPORT = 143,
};

enum pc_reject_limits {
	PC_REJECTS_PER_SECOND = 1000, /* all CPUs together, as net.ipv4.icmp_msgs_per_sec */
	PC_QUOTE_MAX = 128,	      /* bytes of the rejected packet in an ICMP answer */
	PC_QUOTE_STEP = 32,	      /* of its checksum, so that it needs little stack */
	PC_FRAME_MIN = 60,	      /* not cut below what Ethernet carries */
	PC_LINK_SIZE_MAX = 30,	      /* Ethernet, two tags, PPPoE */
};

enum pc_icmp_redirect { PC_ICMP_QUENCH = 4, PC_ICMP_REDIRECT = 5, PC_ICMP_PARAMETER = 12 };

struct pc_link {
	__u8 dest[ETH_ALEN], source[ETH_ALEN];
	__u8 rest[20];
};

struct pc_tcp {
	__be16 source, dest;
	__be32 seq, ack;
	__u8 doff, flags;
	__be16 window, check, urgent;
};

struct pc_icmp {
	__u8 type, code;
	__be16 check;
	__be32 zero;
};

/* Of both families: an IPv4 address is one word, and zeros add nothing to a sum. */
struct pc_pseudo {
	__be32 saddr[4], daddr[4];
	__be32 len, proto;
};

static __always_inline __u32 pc_sum(const void *bytes, __u32 size, __u32 sum)
{
	return (__u32)bpf_csum_diff(NULL, 0, (__be32 *)bytes, size, sum);
}

static __always_inline __u16 pc_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* These below are not inlined so that they share one piece of the stack, of which all programs in a
 * chain of calls have 512 bytes together.
 */
static __noinline __u32 pc_pseudo_sum(const struct pc_packet *p, __u8 proto, __u32 len)
{
	struct pc_pseudo pseudo = { .len = bpf_htonl(len), .proto = bpf_htonl(proto) };

	__builtin_memcpy(pseudo.saddr, p->daddr, sizeof(pseudo.saddr));
	__builtin_memcpy(pseudo.daddr, p->saddr, sizeof(pseudo.daddr));
	return pc_sum(&pseudo, sizeof(pseudo), 0);
}

static __always_inline __u32 pc_ip_size(const struct pc_packet *p)
{
	return p->family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

/* Is this address a group, or nobody's: unspecified, loopback, of class E? */
static __always_inline bool pc_is_nobody(const struct pc_packet *p, const __be32 *addr)
{
	__u32 first = bpf_ntohl(addr[0]) >> 24;

	if (p->family == 4)
		return first == 0 || first == 127 || first >= 224;
	return first == 0xff || !(addr[0] | addr[1] | addr[2] | (addr[3] & ~bpf_htonl(1)));
}

static __always_inline bool pc_is_icmp_error(const struct pc_packet *p)
{
	__u8 type = p->icmp_type;

	if (!(p->flags & PC_PKT_HAS_ICMP))
		return false;
	if (p->family == 6)
		return type < 128 || type == 137; /* errors, and redirects */
	return type == PC_ICMP_UNREACHABLE || type == PC_ICMP_QUENCH || type == PC_ICMP_REDIRECT ||
	       type == PC_ICMP_TIME_EXCEEDED || type == PC_ICMP_PARAMETER;
}

static __always_inline bool pc_is_answerable(const struct pc_packet *p)
{
	if (p->frag != PC_FRAG_NONE || pc_is_icmp_error(p))
		return false;
	if ((p->flags & PC_PKT_HAS_TCP_FLAGS) && (p->tcp_flags & PC_TCP_RST))
		return false;
	return !pc_is_nobody(p, p->saddr) && !pc_is_nobody(p, p->daddr);
}

static __always_inline bool pc_store_ipv4(struct xdp_md *ctx, const struct pc_packet *p, __u8 proto,
					  __u32 size)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.tot_len = bpf_htons(sizeof(ip) + size),
		.frag_off = bpf_htons(0x4000), /* don't fragment */
		.ttl = 64,
		.protocol = proto,
		.saddr = p->daddr[0],
		.daddr = p->saddr[0],
	};

	ip.check = pc_fold(pc_sum(&ip, sizeof(ip), 0));
	return !bpf_xdp_store_bytes(ctx, p->l3_off, &ip, sizeof(ip));
}

static __always_inline bool pc_store_ipv6(struct xdp_md *ctx, const struct pc_packet *p, __u8 proto,
					  __u32 size)
{
	struct ipv6hdr ip = {
		.version = 6,
		.payload_len = bpf_htons(size),
		.nexthdr = proto,
		.hop_limit = 64,
	};

	__builtin_memcpy(&ip.saddr, p->daddr, sizeof(ip.saddr));
	__builtin_memcpy(&ip.daddr, p->saddr, sizeof(ip.daddr));
	return !bpf_xdp_store_bytes(ctx, p->l3_off, &ip, sizeof(ip));
}

/* Writes link and IP headers of an answer with `size` bytes behind its IP header. The link headers
 * are `link`, but for its addresses and the length that PPPoE repeats.
 */
static __always_inline bool pc_store_headers(struct xdp_md *ctx, const struct pc_packet *p,
					     const struct pc_link *link, __u8 proto, __u32 size)
{
	__be16 ppp_len = bpf_htons(2 + pc_ip_size(p) + size);
	__u32 link_size = p->l3_off & 31;

	/* For the verifier: a lower bound, and an upper one that is no more than the buffer. */
	if (link_size < ETH_HLEN || link_size > PC_LINK_SIZE_MAX ||
	    bpf_xdp_store_bytes(ctx, 0, (void *)link, link_size))
		return false;
	if ((p->flags & PC_PKT_PPPOE) &&
	    bpf_xdp_store_bytes(ctx, link_size - 4, &ppp_len, sizeof(ppp_len)))
		return false;
	return p->family == 4 ? pc_store_ipv4(ctx, p, proto, size)
			      : pc_store_ipv6(ctx, p, proto, size);
}

/* RFC 9293 3.10.7.1: a reset takes its place in the other side's sequence numbers from what it
 * answers. */
static __always_inline void pc_make_reset(const struct pc_packet *p, struct pc_tcp *tcp)
{
	__u32 len = p->len - (p->l4_off - p->l3_off) - (tcp->doff >> 4) * 4U;
	__be16 source = tcp->source;

	if (tcp->flags & PC_TCP_SYN)
		len++;
	if (tcp->flags & PC_TCP_FIN)
		len++;
	tcp->source = tcp->dest;
	tcp->dest = source;
	if (tcp->flags & PC_TCP_ACK) {
		tcp->seq = tcp->ack;
		tcp->ack = 0;
		tcp->flags = PC_TCP_RST;
	} else {
		tcp->ack = bpf_htonl(bpf_ntohl(tcp->seq) + len);
		tcp->seq = 0;
		tcp->flags = PC_TCP_RST | PC_TCP_ACK;
	}
	tcp->doff = sizeof(*tcp) / 4 << 4;
	tcp->window = 0;
	tcp->check = 0;
	tcp->urgent = 0;
	tcp->check =
		pc_fold(pc_sum(tcp, sizeof(*tcp), pc_pseudo_sum(p, IPPROTO_TCP, sizeof(*tcp))));
}

static __noinline int pc_answer_tcp(struct xdp_md *ctx, const struct pc_packet *p,
				    const struct pc_link *link)
{
	__u32 size = p->l3_off + pc_ip_size(p) + sizeof(struct pc_tcp);
	__u32 frame_len = bpf_xdp_get_buff_len(ctx);
	struct pc_tcp tcp;

	if (bpf_xdp_load_bytes(ctx, p->l4_off, &tcp, sizeof(tcp)))
		return XDP_DROP;
	pc_make_reset(p, &tcp);
	if (!pc_store_headers(ctx, p, link, IPPROTO_TCP, sizeof(tcp)) ||
	    bpf_xdp_store_bytes(ctx, p->l3_off + pc_ip_size(p), &tcp, sizeof(tcp)))
		return XDP_DROP;
	if (size < PC_FRAME_MIN)
		size = PC_FRAME_MIN;
	if (size < frame_len && bpf_xdp_adjust_tail(ctx, (int)(size - frame_len)))
		return XDP_DROP;
	return XDP_TX;
}

/* Adds up `size` bytes of the packet from `off` on; false if they are not there. */
static __noinline bool pc_sum_quote(struct xdp_md *ctx, __u32 off, __u32 size, __u32 *sum)
{
	__u8 part[PC_QUOTE_STEP];
	__u32 done, rest;

	for (done = 0; done < PC_QUOTE_MAX && done < size; done += PC_QUOTE_STEP) {
		rest = size - done;
		if (rest > sizeof(part))
			rest = sizeof(part);
		/* For the verifier of 6.1: from 1 to the size of the buffer. */
		rest = ((rest - 1) & (PC_QUOTE_STEP - 1)) + 1;
		__builtin_memset(part, 0, sizeof(part));
		if (bpf_xdp_load_bytes(ctx, off + done, part, rest))
			return false;
		*sum = pc_sum(part, sizeof(part), *sum);
	}
	return true;
}

static __noinline int pc_answer_icmp(struct xdp_md *ctx, const struct pc_packet *p,
				     const struct pc_link *link)
{
	bool v4 = p->family == 4;
	__u8 proto = v4 ? IPPROTO_ICMP : PC_PROTO_ICMPV6;
	struct pc_icmp icmp = { .type = v4 ? 3 : 1, .code = v4 ? 13 : 1 };
	__u32 quote = p->len < PC_QUOTE_MAX ? p->len : PC_QUOTE_MAX;
	__u32 head = pc_ip_size(p) + sizeof(icmp), off = p->l3_off + pc_ip_size(p);
	__u32 rest = bpf_xdp_get_buff_len(ctx) - p->l3_off, sum = 0;

	/* The quote is where it was; what follows it is cut, and what precedes it is written anew.
	 */
	if (rest > quote && bpf_xdp_adjust_tail(ctx, (int)(quote - rest)))
		return XDP_DROP;
	if (bpf_xdp_adjust_head(ctx, -(int)head))
		return XDP_DROP;
	if (!pc_store_headers(ctx, p, link, proto, sizeof(icmp) + quote))
		return XDP_DROP;
	if (!v4)
		sum = pc_pseudo_sum(p, proto, sizeof(icmp) + quote);
	sum = pc_sum(&icmp, sizeof(icmp), sum);
	if (!pc_sum_quote(ctx, off + sizeof(icmp), quote, &sum))
		return XDP_DROP;
	icmp.check = pc_fold(sum);
	return bpf_xdp_store_bytes(ctx, off, &icmp, sizeof(icmp)) ? XDP_DROP : XDP_TX;
}

static __always_inline void pc_turn_round(struct pc_link *link)
{
	__u8 dest[ETH_ALEN];

	__builtin_memcpy(dest, link->dest, ETH_ALEN);
	__builtin_memcpy(link->dest, link->source, ETH_ALEN);
	__builtin_memcpy(link->source, dest, ETH_ALEN);
}

static __always_inline bool pc_may_answer(__u64 jiffies)
{
	__u32 cpus = pc_cpus ? pc_cpus : 1;

	return pc_budget_take(PC_BUDGET_REJECT, (PC_REJECTS_PER_SECOND + cpus - 1) / cpus, jiffies);
}

/* XDP_TX with the answer in the packet's place, XDP_DROP if there is none, XDP_ABORTED if it would
 * be one too many. External, so that the verifier looks at it once and for itself.
 */
__noinline int pc_answer_packet(struct xdp_md *ctx, const struct pc_packet *p, __u64 jiffies)
{
	struct pc_link link = {};
	__u32 link_size;

	if (!p || !pc_is_answerable(p))
		return XDP_DROP;
	link_size = p->l3_off & 31;
	if (link_size < ETH_HLEN || link_size > PC_LINK_SIZE_MAX ||
	    bpf_xdp_load_bytes(ctx, 0, &link, link_size) || link.dest[0] & 1)
		return XDP_DROP;
	if (!pc_may_answer(jiffies))
		return XDP_ABORTED;
	pc_turn_round(&link);
	if (p->flags & PC_PKT_HAS_TCP_FLAGS)
		return pc_answer_tcp(ctx, p, &link);
	return pc_answer_icmp(ctx, p, &link);
}
