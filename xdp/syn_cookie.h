/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SYN cookies: under a flood of SYNs, a connection from outside costs nothing until its client has
 * shown that it is where it says it is (RFC 4987). The SYN is answered here, with a cookie of the
 * kernel's as sequence number and a window of 0, so that the client waits. Its ACK becomes the SYN
 * that goes on to the server (or to the router itself). tc/syn_proxy.h takes the server's SYN-ACK,
 * acknowledges it, and opens the window of the client. From then on the numbers of the two sides
 * differ by `delta`: they are translated on this interface only, in both directions.
 *
 * No option but the MSS survives: no window scaling, no SACK, no time stamps.
 */
#pragma once

#include "xdp/flow.h"
#include "xdp/reject.h"

/* How long SYN cookies go on after the last sign of a flood. */
#define PC_ARMED_TICKS 160
/* And how long after that a cookie is still taken for one. */
#define PC_COOKIE_TICKS 960

#define PC_TCP_MSS_SIZE 24U /* a TCP header with the MSS option */

struct pc_tcp_with_mss {
	struct pc_tcp tcp;
	__u8 kind, length;
	__be16 mss;
};

struct pc_tcp_with_options {
	struct pc_tcp tcp;
	__u8 options[PC_TCP_OPTIONS_MAX];
};

/* The cookie of a SYN in the low word, the client's MSS above it; negative: the kernel has none. */
static __noinline __s64 pc_make_cookie(const struct pc_packet *p, void *tcp, __u32 size)
{
	struct ipv6hdr ip6 = { .version = 6 };
	struct iphdr ip = { .version = 4, .ihl = 5 };

	if (p->family == 4) {
		ip.saddr = p->saddr[0];
		ip.daddr = p->daddr[0];
		return bpf_tcp_raw_gen_syncookie_ipv4(&ip, tcp, size);
	}
	__builtin_memcpy(&ip6.saddr, p->saddr, sizeof(ip6.saddr));
	__builtin_memcpy(&ip6.daddr, p->daddr, sizeof(ip6.daddr));
	return bpf_tcp_raw_gen_syncookie_ipv6(&ip6, tcp, size);
}

static __noinline bool pc_is_cookie_at(const struct pc_packet *p, __u32 seq)
{
	struct ipv6hdr ip6 = { .version = 6 };
	struct iphdr ip = { .version = 4, .ihl = 5 };
	struct pc_tcp tcp = {
		.source = bpf_htons(p->sport),
		.dest = bpf_htons(p->dport),
		.seq = bpf_htonl(seq),
		.ack = bpf_htonl(p->ack),
		.doff = 5 << 4,
		.flags = PC_TCP_ACK,
	};

	if (p->family == 4) {
		ip.saddr = p->saddr[0];
		ip.daddr = p->daddr[0];
		return !bpf_tcp_raw_check_syncookie_ipv4(&ip, (void *)&tcp);
	}
	__builtin_memcpy(&ip6.saddr, p->saddr, sizeof(ip6.saddr));
	__builtin_memcpy(&ip6.daddr, p->daddr, sizeof(ip6.daddr));
	return !bpf_tcp_raw_check_syncookie_ipv6(&ip6, (void *)&tcp);
}

/* Does an ACK bring a cookie back? Also where the first one was lost and the client, which has
 * something to send, asks for a window, by the number before.
 */
static __always_inline bool pc_is_cookie(struct pc_packet *p)
{
	if (pc_is_cookie_at(p, p->seq))
		return true;
	if (!pc_is_cookie_at(p, p->seq + 1))
		return false;
	p->seq++;
	return true;
}

/* The MSS is in the cookie, but the kernel does not tell: it is the one that makes the same cookie.
 * A minute later none does.
 */
static __noinline __u16 pc_cookie_mss(const struct pc_packet *p)
{
	struct pc_tcp_with_mss syn = {
		.tcp = {
			.source = bpf_htons(p->sport),
			.dest = bpf_htons(p->dport),
			.seq = bpf_htonl(p->seq),
			.doff = PC_TCP_MSS_SIZE / 4 << 4,
			.flags = PC_TCP_SYN,
		},
		.kind = 2,
		.length = 4,
	};
	__u32 i;

	for (i = 0; i < 3; i++) {
		__u16 mss = p->family == 4 ? (i == 0   ? 1460
					      : i == 1 ? 1440
						       : 1300)
					   : (i == 0   ? 1440
					      : i == 1 ? 1420
						       : 1220);

		syn.mss = bpf_htons(mss);
		if ((__u32)pc_make_cookie(p, &syn, sizeof(syn)) == p->ack - 1)
			return mss;
	}
	return p->family == 4 ? 536 : 1220;
}

/* Link, IP and TCP headers with the MSS option, and nothing behind; from p's receiver to p's
 * sender.
 */
static __noinline int pc_store_handshake(struct xdp_md *ctx, const struct pc_packet *p,
					 const struct pc_link *link, struct pc_tcp_with_mss *tcp)
{
	__u32 size = p->l3_off + pc_ip_size(p) + PC_TCP_MSS_SIZE;
	__u32 frame_len = bpf_xdp_get_buff_len(ctx);

	tcp->tcp.doff = PC_TCP_MSS_SIZE / 4 << 4;
	tcp->tcp.check = 0;
	tcp->tcp.urgent = 0;
	tcp->kind = 2;
	tcp->length = 4;
	tcp->tcp.check =
		pc_fold(pc_sum(tcp, sizeof(*tcp), pc_pseudo_sum(p, IPPROTO_TCP, sizeof(*tcp))));
	if (size != frame_len && bpf_xdp_adjust_tail(ctx, (int)(size - frame_len)))
		return 1;
	if (!pc_store_headers(ctx, p, link, IPPROTO_TCP, sizeof(*tcp)))
		return 1;
	return bpf_xdp_store_bytes(ctx, p->l3_off + pc_ip_size(p), tcp, sizeof(*tcp)) ? 1 : 0;
}

static __always_inline bool pc_load_link(struct xdp_md *ctx, const struct pc_packet *p,
					 struct pc_link *link)
{
	__u32 size = p->l3_off & 31;

	return size >= ETH_HLEN && size <= PC_LINK_SIZE_MAX &&
	       !bpf_xdp_load_bytes(ctx, 0, link, size);
}

/* Answers a SYN by a SYN-ACK. XDP_TX, or XDP_DROP. */
__noinline int pc_send_cookie(struct xdp_md *ctx, struct pc_packet *p)
{
	struct pc_tcp_with_options syn = {};
	struct pc_tcp_with_mss answer = {};
	struct pc_link link = {};
	__u64 size;
	__s64 cookie;

	if (!p || !pc_load_link(ctx, p, &link))
		return XDP_DROP;
	size = p->l4_size - 20U;
	asm volatile("%0 &= 63" : "+r"(size));
	if (size > PC_TCP_OPTIONS_MAX)
		return XDP_DROP;
	size += 20;
	if (bpf_xdp_load_bytes(ctx, p->l4_off, &syn, size))
		return XDP_DROP;
	cookie = pc_make_cookie(p, &syn, size);
	if (cookie < 0)
		return XDP_DROP;
	answer.tcp.source = syn.tcp.dest;
	answer.tcp.dest = syn.tcp.source;
	answer.tcp.seq = bpf_htonl((__u32)cookie);
	answer.tcp.ack = bpf_htonl(p->seq + 1);
	answer.tcp.flags = PC_TCP_SYN | PC_TCP_ACK;
	answer.mss = bpf_htons((__u16)(cookie >> 32));
	pc_turn_round(&link);
	return pc_store_handshake(ctx, p, &link, &answer) ? XDP_DROP : XDP_TX;
}

/* Turns the ACK of a cookie, as whose SYN p was judged, into that SYN. 0: it can go on. */
__noinline int pc_send_syn(struct xdp_md *ctx, struct pc_packet *p)
{
	struct pc_tcp_with_mss syn = {};
	struct pc_link link = {};
	int failed;

	if (!p || !pc_load_link(ctx, p, &link))
		return 1;
	syn.tcp.source = bpf_htons(p->sport);
	syn.tcp.dest = bpf_htons(p->dport);
	syn.tcp.seq = bpf_htonl(p->seq);
	syn.tcp.flags = PC_TCP_SYN;
	syn.tcp.window = bpf_htons(p->window);
	syn.mss = bpf_htons(pc_cookie_mss(p));
	pc_turn_packet(p);
	failed = pc_store_handshake(ctx, p, &link, &syn);
	pc_turn_packet(p);
	return failed;
}

/* What a client acknowledges, in the server's numbers. */
__noinline int pc_shift_ack(struct xdp_md *ctx, struct pc_packet *p, __u32 delta)
{
	struct {
		__be32 ack;
		__be16 flags, window, check, urgent;
	} tcp;
	__be32 before;
	__u32 off;

	if (!p)
		return 1;
	off = (p->l4_off + 8U) & PC_OFFSET_MASK;
	if (bpf_xdp_load_bytes(ctx, off, &tcp, sizeof(tcp)))
		return 1;
	before = tcp.ack;
	tcp.ack = bpf_htonl(bpf_ntohl(before) - delta);
	tcp.check = pc_fold((__u32)bpf_csum_diff(&before, sizeof(before), &tcp.ack, sizeof(tcp.ack),
						 (__u16)~tcp.check));
	return bpf_xdp_store_bytes(ctx, off, &tcp, sizeof(tcp)) ? 1 : 0;
}

/* Is there a flood, by the number of half-open connections? Once there is, more SYNs a second than
 * would make one keep it so.
 */
static __always_inline bool pc_wants_cookies(const struct pc_flow_policy *policy, __u32 now)
{
	struct pc_flow_globals *globals = pc_globals();
	__u32 until, trigger = policy->syn_trigger;
	__u64 clock, second = 1000000000ULL << PC_LIMIT_UNIT_SHIFT;
	bool armed;

	if (!globals || policy->syn_protect == PC_SYN_PROTECT_OFF)
		return false;
	if (policy->syn_protect == PC_SYN_PROTECT_ON)
		return true;
	until = globals->armed_until;
	armed = until && !pc_flow_is_over(until, now);
	if (globals->half_open < trigger) {
		if (!armed)
			return false;
		clock = bpf_ktime_get_coarse_ns() << PC_LIMIT_UNIT_SHIFT;
		if (pc_take(&globals->syns, clock, second / (trigger ? trigger : 1), second))
			return true;
	}
	if (!armed)
		__sync_fetch_and_add(&globals->armed_times, 1);
	until = now + PC_ARMED_TICKS;
	if (globals->armed_until != until)
		globals->armed_until = until;
	return true;
}

/* May an ACK of no flow be that of a cookie? */
static __always_inline bool pc_expects_cookies(const struct pc_flow_policy *policy, __u32 now)
{
	const struct pc_flow_globals *globals = pc_globals();

	if (policy->syn_protect == PC_SYN_PROTECT_ON)
		return true;
	return globals && policy->syn_protect == PC_SYN_PROTECT_AUTO && globals->armed_until &&
	       !pc_flow_is_over(globals->armed_until + PC_COOKIE_TICKS, now);
}
