/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams of known flows, for their later fragments, which have no ports. */
#pragma once

#include "xdp/flow_table.h"

static __always_inline struct pc_flow_fragment *pc_fragment_of(const struct pc_packet *p,
							       __u64 *key)
{
	const struct pc_flow_globals *globals = pc_globals();
	__u32 index;

	if (!globals)
		return NULL;
	*key = pc_flow_hash(globals->seed, pc_flow_fold(globals->seed, p->saddr),
			    pc_flow_fold(globals->seed, p->daddr), p->frag_id, p->proto);
	index = (__u32)*key % PC_FLOW_FRAGMENTS;
	return bpf_map_lookup_elem(&flow_fragments, &index);
}

/* Its later fragments are to pass as it does. */
PC_SUBPROGRAM int pc_note_fragment(struct pc_packet *p, __u32 now)
{
	__u64 key = 0;
	struct pc_flow_fragment *fragment = p ? pc_fragment_of(p, &key) : NULL;

	if (fragment) {
		fragment->key = key;
		fragment->deadline = now + PC_FLOW_FRAGMENT_TICKS;
	}
	return 0;
}

PC_SUBPROGRAM int pc_fragment_is_known(struct pc_packet *p, __u32 now)
{
	__u64 key = 0;
	const struct pc_flow_fragment *fragment = p ? pc_fragment_of(p, &key) : NULL;

	return fragment && fragment->key == key && !pc_flow_is_over(fragment->deadline, now) &&
	       fragment->deadline;
}
