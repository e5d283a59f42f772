/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The heaviest sources from outside, found by a count-min sketch: ARCHITECTURE.md, "Heavy sources".
 * A packet costs one hash and four counters of this CPU, however many sources there are; the daemon
 * reads who came to the top, and begins the next epoch, once a second.
 */
#pragma once

#include "xdp/flow_table.h"

#define PC_GUARD_ROW_BITS 12
_Static_assert(1 << PC_GUARD_ROW_BITS == PC_GUARD_COLUMNS, "the bits of pc_guard_hash()");
_Static_assert((PC_GUARD_TOP & (PC_GUARD_TOP - 1)) == 0, "likewise");

/* Outside is where the default is to drop. Answers, and what is related to flows, are no flood: an
 * attacker has no flows, a busy server that someone inside asked has. What @blocks drops never gets
 * here, so that a block ends though its source goes on, and is made again.
 */
static __always_inline bool pc_is_guarded(const struct pc_generation *generation, __u8 zone,
					  __u8 state)
{
	const struct pc_flow_policy *flows = &generation->flows;

	return flows->guard != PC_GUARD_OFF &&
	       !(state & (PC_STATE_ESTABLISHED | PC_STATE_RELATED)) &&
	       (flows->guard_all ||
		generation->zone_default[zone % PC_ZONES_MAX] != PC_ACTION_ACCEPT);
}

/* Without branches, at each of which the verifier would go both ways. */
static __always_inline __be32 pc_guard_mask(__u32 length, __u32 word)
{
	__s64 bits = (__s64)length - (__s64)word * 32, over;

	bits &= ~(bits >> 63);
	over = bits - 32;
	asm volatile("" : "+r"(over));
	bits = 32 + (over & (over >> 63));
	return bpf_htonl((__u32)(~0ULL << (32 - bits)));
}

/* What this row has counted of the packet's source, with the packet. */
static __always_inline __u32 pc_guard_add(__u64 hash, __u32 row, __u32 epoch)
{
	__u32 column = hash >> (row * PC_GUARD_ROW_BITS) & (PC_GUARD_COLUMNS - 1), cell, count;
	struct pc_guard_cells *cells = bpf_map_lookup_elem(&guard_sketch, &column);

	if (!cells)
		return 0;
	cell = cells->cell[row];
	count = PC_GUARD_CELL_IS(cell, epoch) ? PC_GUARD_CELL_COUNT(cell) : 0;
	count += count < PC_GUARD_COUNT_MAX;
	cells->cell[row] = PC_GUARD_CELL(epoch, count);
	return count;
}

/* The place goes to the heavier one of those that meet there. */
static __always_inline void pc_guard_propose(__u64 hash, const struct pc_guard_candidate *seen)
{
	__u32 place = hash >> (PC_GUARD_ROWS * PC_GUARD_ROW_BITS) & (PC_GUARD_TOP - 1);
	struct pc_guard_candidate *held = bpf_map_lookup_elem(&guard_top, &place);

	if (held && (held->epoch != seen->epoch || held->estimate <= seen->estimate))
		*held = *seen;
}

/* Counts the packet for its source's prefix of that length. */
PC_SUBPROGRAM int pc_guard_count(const struct pc_packet *p, __u32 length)
{
	const struct pc_flow_globals *globals = pc_globals();
	struct pc_guard_candidate seen = {};
	__u32 epoch, row;
	__u64 hash;

	if (!p || !globals || !globals->seed)
		return 0;
	epoch = *(const volatile __u32 *)&globals->guard_epoch;
	seen.family = p->family;
	seen.epoch = (__u16)epoch;
	seen.estimate = PC_GUARD_COUNT_MAX;
#pragma clang loop unroll(full)
	for (row = 0; row < 4; row++)
		seen.prefix[row] = p->saddr[row] & pc_guard_mask(length, row);
	hash = pc_guard_hash(globals->seed, epoch, seen.family, seen.prefix);
#pragma clang loop unroll(full)
	for (row = 0; row < PC_GUARD_ROWS; row++) {
		__u32 count = pc_guard_add(hash, row, epoch);

		if (count < seen.estimate)
			seen.estimate = count;
	}
	if (seen.estimate % PC_GUARD_STEP == 0)
		pc_guard_propose(hash, &seen);
	return 0;
}
