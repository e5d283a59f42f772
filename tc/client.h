/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The source of a packet before source NAT, out of conntrack. TC egress sees packets after it. */
#pragma once

#include "tc/flow.h"

/* What is read of the kernel's own types, which are relocated at load (CO-RE). */
#define PC_KERNEL_TYPE __attribute__((preserve_access_index))

union nf_inet_addr {
	__be32 all[4];
} PC_KERNEL_TYPE;

union nf_conntrack_man_proto {
	__be16 all;
} PC_KERNEL_TYPE;

struct nf_conntrack_man {
	union nf_inet_addr u3;
	union nf_conntrack_man_proto u;
	__u16 l3num;
} PC_KERNEL_TYPE;

struct nf_conntrack_tuple {
	struct nf_conntrack_man src;
} PC_KERNEL_TYPE;

struct nf_conntrack_tuple_hash {
	struct nf_conntrack_tuple tuple;
} PC_KERNEL_TYPE;

struct nf_conn {
	struct nf_conntrack_tuple_hash tuplehash[2]; /* original direction, reply direction */
} PC_KERNEL_TYPE;

/* In full, because libbpf refuses a forward declaration. */
struct bpf_ct_opts {
	__s32 netns_id;
	__s32 error;
	__u8 l4proto;
	__u8 dir;
	__u8 reserved[2];
};

extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb, struct bpf_sock_tuple *tuple,
					 __u32 tuple_size, struct bpf_ct_opts *opts,
					 __u32 opts_size) __ksym;
extern void bpf_ct_release(struct nf_conn *ct) __ksym;

/* Who sent it: the client as conntrack saw it enter. */
struct pc_client {
	__be32 addr[4];
	__be16 port;
	__u8 found;  /* 0: the rest is as the packet has it */
	__u8 answer; /* 1: the packet goes to who opened the connection */
};

static __always_inline struct nf_conn *
pc_find_connection(struct __sk_buff *skb, const struct pc_flow_key *key, struct bpf_ct_opts *opts)
{
	struct bpf_sock_tuple tuple = {};

	/* The tuple of the answers: that one is the same on both sides of source NAT's other end.
	 */
	if (key->family == 4) {
		tuple.ipv4.saddr = key->daddr[0];
		tuple.ipv4.daddr = key->saddr[0];
		tuple.ipv4.sport = key->dport;
		tuple.ipv4.dport = key->sport;
		return bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv4), opts, sizeof(*opts));
	}
	__builtin_memcpy(tuple.ipv6.saddr, key->daddr, sizeof(tuple.ipv6.saddr));
	__builtin_memcpy(tuple.ipv6.daddr, key->saddr, sizeof(tuple.ipv6.daddr));
	tuple.ipv6.sport = key->dport;
	tuple.ipv6.dport = key->sport;
	return bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv6), opts, sizeof(*opts));
}

static __always_inline void pc_take_source(const struct nf_conntrack_tuple_hash *hash,
					   const struct pc_flow_key *key, struct pc_client *client)
{
	client->addr[0] = hash->tuple.src.u3.all[0];
	if (key->family == 6) {
		client->addr[1] = hash->tuple.src.u3.all[1];
		client->addr[2] = hash->tuple.src.u3.all[2];
		client->addr[3] = hash->tuple.src.u3.all[3];
	}
	client->port = hash->tuple.src.u.all;
	client->found = 1;
}

/* TCP and UDP only: conntrack's function knows no other protocol. Without an entry (notrack, or a
 * packet that conntrack refused) the packet's own source is the client.
 */
static __noinline int pc_find_client(struct __sk_buff *skb, const struct pc_flow_key *key,
				     struct pc_client *client)
{
	struct bpf_ct_opts opts = { .netns_id = -1, .l4proto = key->proto };
	struct nf_conn *ct;

	__builtin_memcpy(client->addr, key->saddr, sizeof(client->addr));
	client->port = key->sport;
	client->found = 0;
	client->answer = 0;
	if (key->proto != IPPROTO_TCP && key->proto != IPPROTO_UDP)
		return 0;
	ct = pc_find_connection(skb, key, &opts);
	if (!ct)
		return 0;
	/* If what was found is the reply direction, the packet goes in the original one, and the
	 * other way round.
	 */
	if (opts.dir)
		pc_take_source(&ct->tuplehash[0], key, client);
	else
		pc_take_source(&ct->tuplehash[1], key, client);
	client->answer = !opts.dir;
	bpf_ct_release(ct);
	return 0;
}
