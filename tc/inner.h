/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inspector's flow that an ICMP error is about. */
#pragma once

#include "tc/flow.h"
#define PC_LOAD_BYTES(ctx, off, to, size) bpf_skb_load_bytes(ctx, off, to, size)
#include "xdp/flow.h"

/* The tuple of the TCP or UDP packet inside of an ICMP error; false if there is none. */
static __always_inline bool pc_inner_key(struct __sk_buff *skb, const struct pc_packet *p,
					 struct pc_flow_query *inner, struct pc_flow_key *key)
{
	__u32 seq = 0;

	if (!pc_complains(p) || !pc_inner_key_of(skb, p, inner, &seq) ||
	    (inner->proto != IPPROTO_TCP && inner->proto != IPPROTO_UDP))
		return false;
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->saddr, inner->addr[0], sizeof(key->saddr));
	__builtin_memcpy(key->daddr, inner->addr[1], sizeof(key->daddr));
	key->sport = bpf_htons(inner->port[0]);
	key->dport = bpf_htons(inner->port[1]);
	key->proto = inner->proto;
	key->family = p->family;
	return true;
}
