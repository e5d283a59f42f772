/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fragments of datagrams, to the inspector and back. TC sees them after conntrack, which puts
 * datagrams together and cuts them up again, and where there is no conntrack as they come. Later
 * fragments have no ports: they follow the first one, or they would pass by the inspector.
 */
#pragma once

#include "tc/flow.h"

/* As long as the stack waits for the rest of a datagram (net.ipv4.ipfrag_time). */
#define PC_DATAGRAM_NS 30000000000ULL

/* One of each is at hand; they are too large for the stack. */
struct pc_fragmented {
	struct pc_insp_datagram datagram;
	struct pc_insp_fragments fragments;
};

static __always_inline bool pc_is_later_datagram(const struct pc_packet *p)
{
	return p->proto == IPPROTO_UDP && p->frag == PC_FRAG_LATER;
}

static __always_inline bool pc_is_first_datagram(const struct pc_packet *p)
{
	return p->frag == PC_FRAG_FIRST && pc_is_datagram(p);
}

/* `key` has the packet's addresses as they are on the wire. */
static __always_inline void pc_datagram_of(const struct pc_packet *p, const struct pc_flow_key *key,
					   __u8 from_inspector, struct pc_insp_datagram *datagram)
{
	__builtin_memcpy(datagram->saddr, key->saddr, sizeof(datagram->saddr));
	__builtin_memcpy(datagram->daddr, key->daddr, sizeof(datagram->daddr));
	datagram->id = p->frag_id;
	datagram->proto = IPPROTO_UDP;
	datagram->family = p->family;
	datagram->from_inspector = from_inspector;
	datagram->zero = 0;
}

/* Null if the first fragment has not been seen. `datagram` is filled. */
static __always_inline const struct pc_insp_fragments *
pc_find_fragments(const struct pc_insp_datagram *datagram, __u64 now_ns)
{
	const struct pc_insp_fragments *known = bpf_map_lookup_elem(&insp_fragments, datagram);

	return known && now_ns - known->seen_ns < PC_DATAGRAM_NS ? known : NULL;
}

/* `flow` is the client's direction. */
static __always_inline void pc_note_fragments(struct pc_fragmented *at_hand,
					      const struct pc_flow_key *flow, __u32 rule_id,
					      enum pc_flow_verdict verdict)
{
	struct pc_insp_fragments *fragments = &at_hand->fragments;

	fragments->seen_ns = bpf_ktime_get_ns();
	__builtin_memcpy(&fragments->flow, flow, sizeof(fragments->flow));
	fragments->rule_id = rule_id;
	fragments->verdict = verdict;
	__builtin_memset(fragments->zero, 0, sizeof(fragments->zero));
	/* Without the entry the later ones are dropped. */
	bpf_map_update_elem(&insp_fragments, &at_hand->datagram, fragments, BPF_ANY);
}
