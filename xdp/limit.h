/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rate limits of rules: one token bucket for each address (or rule, or zone) that is charged. A
 * bucket is one word, so any number of CPUs charge it exactly and none waits for another.
 */
#pragma once

#include "xdp/flow_table.h"

static __always_inline __u64 pc_limit_mix(__u64 h, __u64 part)
{
	h = (h ^ part) * 0x9e3779b97f4a7c15ULL;
	return h ^ (h >> 29);
}

/* The first `length` bits of an address; of IPv4 these are all in word 0. */
static __always_inline __u64 pc_limit_prefix(__u64 h, const __be32 addr[4], __u32 length)
{
	__u32 word;

#pragma clang loop unroll(full)
	for (word = 0; word < 4; word++) {
		__u32 bits = length > word * 32 ? length - word * 32 : 0;
		__u32 mask = bits >= 32 ? ~0U : ~(~0U >> bits);

		h = pc_limit_mix(h, bpf_ntohl(addr[word]) & mask);
	}
	return h;
}

static __always_inline __u64 pc_limit_key(const struct pc_limit *limit, const struct pc_packet *p,
					  __u32 zone, __u32 rule_id, __u64 seed)
{
	bool v4 = p->family == 4;
	__u64 h = pc_limit_mix(seed, (__u64)limit->stable << 8 | limit->per);

	if (limit->per == PC_PER_RULE)
		return pc_limit_mix(h, rule_id) | 1;
	if (limit->per == PC_PER_ZONE)
		return pc_limit_mix(h, zone) | 1;
	h = pc_limit_mix(h, p->family);
	if (limit->per != PC_PER_DST)
		h = pc_limit_prefix(h, p->saddr, v4 ? limit->src4 : limit->src6);
	if (limit->per != PC_PER_SRC)
		h = pc_limit_prefix(h, p->daddr, v4 ? limit->dst4 : limit->dst6);
	return h | 1;
}

/* The bucket of this key. One that is full is as good as a new one; where none of the set is, keys
 * share the one that is full first: then they get less than theirs, never more.
 */
static __always_inline __u64 *pc_limit_bucket(struct pc_limit_set *set, __u64 key, __u64 now)
{
	__u32 way, least = 0;

#pragma clang loop unroll(full)
	for (way = 0; way < PC_LIMIT_WAYS; way++)
		if (set->key[way] == key)
			return &set->due[way];
#pragma clang loop unroll(full)
	for (way = 1; way < PC_LIMIT_WAYS; way++)
		if ((__s64)(set->due[way] - set->due[least & 3]) < 0)
			least = way;
	least &= PC_LIMIT_WAYS - 1;
	if ((__s64)(set->due[least] - now) <= 0)
		set->key[least] = key;
	return &set->due[least];
}

/* 0: within the limit. Else 1 + enum pc_limit_over. `slot` is that of the generation. */
PC_SUBPROGRAM int pc_limit_exceeded(struct pc_packet *p, __u32 id, __u32 slot, __u32 zone,
				    __u32 rule_id)
{
	__u32 index = slot * PC_LIMITS_MAX + id;
	const struct pc_flow_globals *globals = pc_globals();
	const struct pc_limit *limit = bpf_map_lookup_elem(&limits, &index);
	struct pc_limit_counter *counter;
	struct pc_limit_set *set;
	__u64 key, now, cost;
	__u32 stable;
	bool fits;

	if (!p || !limit || !globals || !limit->interval)
		return 0;
	key = pc_limit_key(limit, p, zone, rule_id, globals->seed);
	index = (__u32)(key >> 32) % PC_LIMIT_SETS;
	set = bpf_map_lookup_elem(&limit_sets, &index);
	stable = limit->stable;
	counter = bpf_map_lookup_elem(&limit_counters, &stable);
	if (!set || !counter)
		return 0;
	now = (limit->coarse ? bpf_ktime_get_coarse_ns() : bpf_ktime_get_ns())
	      << PC_LIMIT_UNIT_SHIFT;
	cost = limit->of == PC_LIMIT_BYTES ? limit->interval * p->len >> 16 : limit->interval;
	fits = pc_take(pc_limit_bucket(set, key, now), now, cost, limit->burst);
	if (fits) {
		counter->passed++;
		counter->passed_bytes += p->len;
		return 0;
	}
	counter->over++;
	counter->over_bytes += p->len;
	return 1 + limit->over;
}
