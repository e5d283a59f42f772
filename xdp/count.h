/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters, per CPU, and the token buckets that bound what a flood can cause. */
#pragma once

#include <stdbool.h>

#include "xdp/maps.h"

static __always_inline void pc_counter_add(struct pc_counter *counter, __u64 bytes, __u64 jiffies)
{
	if (!counter)
		return;
	counter->packets++;
	counter->bytes += bytes;
	counter->last_jiffies = jiffies;
}

/* `bytes` is the L3 length. */
static __always_inline void pc_count_rule(__u32 rule_id, __u64 bytes, __u64 jiffies)
{
	pc_counter_add(bpf_map_lookup_elem(&rule_counters, &rule_id), bytes, jiffies);
}

/* Of a frame that was not parsed, `bytes` is the length of the frame. */
static __always_inline void pc_count_reason(__u32 reason, __u64 bytes, __u64 jiffies)
{
	pc_counter_add(bpf_map_lookup_elem(&reasons, &reason), bytes, jiffies);
}

static __always_inline void pc_count_iface(__u32 slot, enum pc_iface_verdict verdict,
					   __u64 frame_len)
{
	struct pc_iface_counter *counter = bpf_map_lookup_elem(&iface_counters, &slot);

	if (!counter || verdict >= PC_IF_VERDICTS)
		return;
	counter->packets[verdict]++;
	counter->bytes[verdict] += frame_len;
}

/* True `per_second` times a second on this CPU, and once more for each of these in a burst. Costs a
 * look at the clock at most once a jiffy, however many ask.
 */
static __always_inline bool pc_budget_take(enum pc_budget_use use, __u32 per_second, __u64 jiffies)
{
	__u32 key = use;
	struct pc_budget *budget = bpf_map_lookup_elem(&event_budget, &key);
	__u64 now_ns, elapsed_ns, tokens;

	if (!budget)
		return false;
	if (budget->tokens) {
		budget->tokens--;
		return true;
	}
	if (budget->asked_jiffies == jiffies)
		return false;
	budget->asked_jiffies = jiffies;
	now_ns = bpf_ktime_get_coarse_ns();
	elapsed_ns = now_ns - budget->filled_ns;
	if (elapsed_ns > 1000000000)
		elapsed_ns = 1000000000;
	tokens = elapsed_ns * per_second / 1000000000;
	if (!tokens)
		return false;
	budget->filled_ns = now_ns;
	budget->tokens = tokens - 1;
	return true;
}
