/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other half of xdp/syn_cookie.h: what a server answers to a connection that began with a SYN
 * cookie, as it leaves by the interface that the client came by.
 */
#pragma once

#include <linux/if_ether.h>
#include "tc/leave.h"

enum pc_tcp_place {
	PC_TCP_SEQ = 4,
	PC_TCP_ACKNOWLEDGED = 8,
	PC_TCP_OFF_FLAGS = 12,
	PC_TCP_WINDOW = 14,
	PC_TCP_CHECK = 16,
	PC_TCP_OPTIONS = 20,
};

/* Writes a part of the TCP header; the checksum follows, also where it is only a partial one. */
static __always_inline bool pc_put_word(struct __sk_buff *skb, __u32 l4, __u32 at, __be32 value)
{
	__be32 before;

	if (bpf_skb_load_bytes(skb, l4 + at, &before, sizeof(before)))
		return false;
	return !bpf_l4_csum_replace(skb, l4 + PC_TCP_CHECK, before, value, sizeof(value)) &&
	       !bpf_skb_store_bytes(skb, l4 + at, &value, sizeof(value), 0);
}

static __always_inline bool pc_put_half(struct __sk_buff *skb, __u32 l4, __u32 at, __be16 value)
{
	__be16 before;

	if (bpf_skb_load_bytes(skb, l4 + at, &before, sizeof(before)))
		return false;
	return !bpf_l4_csum_replace(skb, l4 + PC_TCP_CHECK, before, value, sizeof(value)) &&
	       !bpf_skb_store_bytes(skb, l4 + at, &value, sizeof(value), 0);
}

/* Sender and receiver change places, on all layers. No checksum changes by that. */
static __noinline int pc_swap_ends(struct __sk_buff *skb, const struct pc_packet *p)
{
	__u32 l3 = p->l3_off & PC_OFFSET_MASK, l4 = p->l4_off & PC_OFFSET_MASK;
	__u8 from[16], to[16];
	__u32 at = l3 + 12;
	__be16 ports[2], turned[2];

	if (bpf_skb_load_bytes(skb, 0, to, ETH_ALEN) ||
	    bpf_skb_load_bytes(skb, ETH_ALEN, from, ETH_ALEN) ||
	    bpf_skb_store_bytes(skb, 0, from, ETH_ALEN, 0) ||
	    bpf_skb_store_bytes(skb, ETH_ALEN, to, ETH_ALEN, 0))
		return 1;
	if (p->family == 4) {
		if (bpf_skb_load_bytes(skb, at, from, 4) ||
		    bpf_skb_load_bytes(skb, at + 4, to, 4) ||
		    bpf_skb_store_bytes(skb, at, to, 4, 0) ||
		    bpf_skb_store_bytes(skb, at + 4, from, 4, 0))
			return 1;
	} else {
		at = l3 + 8;
		if (bpf_skb_load_bytes(skb, at, from, 16) ||
		    bpf_skb_load_bytes(skb, at + 16, to, 16) ||
		    bpf_skb_store_bytes(skb, at, to, 16, 0) ||
		    bpf_skb_store_bytes(skb, at + 16, from, 16, 0))
			return 1;
	}
	if (bpf_skb_load_bytes(skb, l4, ports, sizeof(ports)))
		return 1;
	turned[0] = ports[1];
	turned[1] = ports[0];
	return bpf_skb_store_bytes(skb, l4, turned, sizeof(turned), 0) ? 1 : 0;
}

/* One SYN-ACK becomes two segments: the ACK that completes the server's handshake, which goes back
 * the way it came, and the client's first window.
 */
static __noinline int pc_complete_handshake(struct __sk_buff *skb, const struct pc_packet *p,
					    __u32 shown, __u16 client_window)
{
	__u32 l4 = p->l4_off & PC_OFFSET_MASK;
	__be16 ack = bpf_htons((__u16)(p->l4_size / 4 << 12 | PC_TCP_ACK));
	__be32 nops = bpf_htonl(0x01010101);

	/* Of the options there can only be the MSS, which is none of an ACK's. */
	if (p->l4_size == 24 && !pc_put_word(skb, l4, PC_TCP_OPTIONS, nops))
		return 1;
	if (pc_swap_ends(skb, p) || !pc_put_half(skb, l4, PC_TCP_OFF_FLAGS, ack) ||
	    !pc_put_word(skb, l4, PC_TCP_SEQ, bpf_htonl(p->ack)) ||
	    !pc_put_word(skb, l4, PC_TCP_ACKNOWLEDGED, bpf_htonl(p->seq + 1)) ||
	    !pc_put_half(skb, l4, PC_TCP_WINDOW, bpf_htons(client_window)))
		return 1;
	if (bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS))
		return 1;
	if (pc_swap_ends(skb, p) || !pc_put_word(skb, l4, PC_TCP_SEQ, bpf_htonl(shown + 1)) ||
	    !pc_put_word(skb, l4, PC_TCP_ACKNOWLEDGED, bpf_htonl(p->ack)) ||
	    !pc_put_half(skb, l4, PC_TCP_WINDOW, bpf_htons(p->window)))
		return 1;
	return 0;
}

/* The state that the client's ACK brings about elsewhere. */
static __always_inline void pc_handshake_is_complete(struct pc_leaving *leaving,
						     struct pc_flow_entry *entry,
						     const struct pc_generation *generation)
{
	const struct pc_flow_policy *policy = &generation->flows;

	if (entry->state != PC_FLOW_TCP_SYN_RECEIVED)
		return;
	pc_flow_moved(entry, PC_FLOW_TCP_SYN_RECEIVED, PC_FLOW_TCP_ESTABLISHED);
	pc_prolong(entry, leaving->query.now + policy->timeouts[PC_FLOW_TCP_ESTABLISHED]);
}

/* A valid segment of a server whose client knows other numbers. False: it cannot be sent on. */
static __always_inline bool pc_translate_answer(struct __sk_buff *skb, struct pc_leaving *leaving,
						const struct pc_generation *generation)
{
	const struct pc_packet *p = &leaving->walk.query.packet;
	struct pc_flow_entry *entry = pc_flow_at(leaving->query.index);
	__u32 l4 = p->l4_off & PC_OFFSET_MASK, shown;

	if (!entry || !(entry->flags & PC_FLOW_PROXIED) || leaving->state == PC_STATE_RELATED ||
	    (leaving->query.side & 1) == pc_flow_origin(entry))
		return true;
	if (leaving->state != PC_STATE_ESTABLISHED)
		return false;
	if ((p->tcp_flags & PC_TCP_SYN) && !(entry->flags & PC_FLOW_SHIFTED)) {
		entry->delta -= p->seq;
		pc_set_flag(entry, PC_FLOW_SHIFTED);
	}
	/* Without a SYN of the server all that the client knows is the cookie: a refusal. */
	shown = entry->flags & PC_FLOW_SHIFTED ? p->seq + entry->delta : entry->delta + 1;
	if (!(p->tcp_flags & PC_TCP_SYN))
		return pc_put_word(skb, l4, PC_TCP_SEQ, bpf_htonl(shown));
	if (pc_complete_handshake(skb, p, shown, entry->maxwin[pc_flow_origin(entry)]))
		return false;
	pc_handshake_is_complete(leaving, entry, generation);
	return true;
}
