/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first half of a look-up: which rows a packet's parts lead to, and which tuples all of them
 * leave. ARCHITECTURE.md, "Classifier".
 */
#pragma once

#include <stdbool.h>

#include "xdp/conditions.h"

/* Passes a value through a register that the compiler knows nothing of: arithmetic on it is not
 * turned back into branches, which would be mispredicted as often as not.
 */
#define PC_HIDE(x) asm volatile("" : "+r"(x))

/* What was read from memory before has to be read again. */
#define PC_FORGET_MEMORY() asm volatile("" : : : "memory")

/* An address on its way down: what it has come to, and the part of it that is looked at. */
struct pc_way {
	__u64 at, count; /* of the chunk */
	__u32 key;
	__u32 ref;
};

/* One more step of the search for the last range whose `first` is at most `key`. */
static __always_inline void pc_halve(const void *arena, struct pc_way *way)
{
	__u64 half = way->count >> 1, below;

	below = (__u64)pc_u32_at(arena, way->at + half * sizeof(struct pc_range)) - way->key - 1;
	PC_HIDE(below);
	below = (__u64)((__s64)below >> 63);
	PC_HIDE(below);
	way->at += (half * sizeof(struct pc_range)) & below;
	way->count -= half;
}

/* By the table, if there is one, to the chunk, if there is one. */
static __always_inline void pc_enter_chunk(const void *arena, __u32 base, struct pc_way *way)
{
	if (PC_REF_TYPE(way->ref) == PC_REF_TABLE) {
		__u64 slot = (__u64)way->key << PC_REF_BITS(way->ref) >> 32;

		way->ref = pc_u32_at(arena, base + PC_REF_PLACE16(way->ref) + slot * 4);
	}
	way->at = 0;
	way->count = 0;
	if (PC_REF_TYPE(way->ref) == PC_REF_CHUNK) {
		way->at = base + PC_REF_PLACE16(way->ref);
		way->count = PC_CHUNK_SIZE(PC_REF_BITS(way->ref));
	}
}

static __always_inline void pc_leave_chunk(const void *arena, struct pc_way *way)
{
	if (way->count)
		way->ref = pc_u32_at(arena, way->at + __builtin_offsetof(struct pc_range, ref));
}

static __always_inline bool pc_goes_on(__u32 ref)
{
	return PC_REF_TYPE(ref) == PC_REF_TABLE || PC_REF_TYPE(ref) == PC_REF_CHUNK;
}

/* Both addresses at once, so that one waits for memory while the other does. */
static __always_inline void pc_descend(const void *arena, __u32 base, struct pc_way *src,
				       struct pc_way *dst)
{
	int step;

	pc_enter_chunk(arena, base, src);
	pc_enter_chunk(arena, base, dst);
#pragma clang loop unroll(disable)
	for (step = 0; step < PC_CHUNK_STEPS_MAX; step++) {
		if ((src->count | dst->count) < 2)
			break;
		pc_halve(arena, src);
		pc_halve(arena, dst);
	}
	pc_leave_chunk(arena, src);
	pc_leave_chunk(arena, dst);
}

/* Entries of dynamic sets end by themselves: what holds now. */
static __always_inline __u32 pc_resolve_timed(const void *arena, const struct pc_query *query,
					      __u32 ref, __u32 *hits)
{
	int i;

#pragma clang loop unroll(disable)
	for (i = 0; i < PC_TIMED_MAX; i++) {
		const struct pc_timed *timed;
		bool live;

		if (PC_REF_TYPE(ref) != PC_REF_TIMED)
			break;
		timed = pc_at_offset(arena, query->base + PC_REF_PLACE8(ref));
		live = query->jiffies < timed->deadline_jiffies;
		if (live && timed->hits)
			*hits = timed->hits;
		ref = live ? timed->live : timed->expired;
	}
	return ref;
}

static __always_inline void pc_find_addresses(const void *arena, struct pc_query *query,
					      const struct pc_tables *tables)
{
	struct pc_way src = { .ref = *(const volatile __u32 *)&tables->addr[0] };
	struct pc_way dst = { .ref = *(const volatile __u32 *)&tables->addr[1] };
	__u32 word, ignored;

#pragma clang loop unroll(disable)
	for (word = 0; word < 4; word++) {
		/* Kernel 6.1 refuses a loop that is entered in its middle, which is what becomes of
		 * it when what the first turn reads is at hand already.
		 */
		PC_FORGET_MEMORY();
		src.key = bpf_ntohl(query->packet.saddr[word]);
		dst.key = bpf_ntohl(query->packet.daddr[word]);
		pc_descend(arena, query->base, &src, &dst);
		if (!pc_goes_on(src.ref) && !pc_goes_on(dst.ref))
			break;
	}
	query->block_hits = 0;
	src.ref = pc_resolve_timed(arena, query, src.ref, &query->block_hits);
	dst.ref = pc_resolve_timed(arena, query, dst.ref, &ignored);
	query->rows[PC_ROW_SRC] = query->base + PC_REF_PLACE8(src.ref);
	query->rows[PC_ROW_DST] = query->base + PC_REF_PLACE8(dst.ref);
}

/* ICMP types and codes take the place of ports; what has neither has a class of its own. */
static __always_inline __u32 pc_port_index(const struct pc_packet *packet, __u32 port, __u32 icmp)
{
	if (packet->flags & PC_PKT_HAS_PORTS)
		return port;
	return packet->flags & PC_PKT_HAS_ICMP ? PC_PORT_ICMP + icmp : PC_PORT_NONE;
}

static __always_inline __u64 pc_find_port(const void *arena, struct pc_query *query,
					  const struct pc_tables *tables, __u32 side, __u32 index)
{
	const struct pc_port_class *class;
	__u32 number;

	number = pc_u16_at(arena, query->base + tables->ports[side] + (__u64)index * 2);
	class = pc_at_offset(arena, query->base + tables->port_classes[side] +
					    (__u64)number * sizeof(*class));
	query->rows[PC_ROW_SPORT + side] = query->base + class->row;
	/* As a number in the range of an entry, and in its key. */
	index = index < PC_PORT_ICMP ? index : index < PC_PORT_NONE ? index - PC_PORT_ICMP : 0;
	query->range_key[side] = index;
	return class->labels | index;
}

static __always_inline void pc_fill_key(struct pc_query *query)
{
	const struct pc_packet *packet = &query->packet;
	const __be32 *src = packet->saddr, *dst = packet->daddr;

	query->addr[0] = (__u64)bpf_ntohl(src[0]) << 32 | bpf_ntohl(dst[0]);
	query->rest = PC_REST(packet->proto, query->in_zone, packet->dscp, packet->ttl);
	query->dscp_bit = 1ULL << (packet->dscp % 64);
	query->lacks = ~packet->flags & (PC_NEEDS_PORTS | PC_NEEDS_ICMP | PC_NEEDS_TCP_FLAGS);
	query->family_bit = PC_IPV4;
	if (packet->family == 4)
		return;
	query->family_bit = PC_IPV6;
	query->addr[0] = (__u64)bpf_ntohl(src[0]) << 32 | bpf_ntohl(src[1]);
	query->addr[1] = (__u64)bpf_ntohl(src[2]) << 32 | bpf_ntohl(src[3]);
	query->addr[2] = (__u64)bpf_ntohl(dst[0]) << 32 | bpf_ntohl(dst[1]);
	query->addr[3] = (__u64)bpf_ntohl(dst[2]) << 32 | bpf_ntohl(dst[3]);
}

static __always_inline __u64 pc_candidates_in(const void *arena, const struct pc_query *query,
					      __u64 word)
{
	__u64 at = word * 8;

	return pc_u64_at(arena, query->rows[PC_ROW_SRC] + at) &
	       pc_u64_at(arena, query->rows[PC_ROW_DST] + at) &
	       pc_u64_at(arena, query->rows[PC_ROW_SPORT] + at) &
	       pc_u64_at(arena, query->rows[PC_ROW_DPORT] + at) &
	       pc_u64_at(arena, query->rows[PC_ROW_PROTO] + at) &
	       pc_u64_at(arena, query->rows[PC_ROW_ZONE] + at);
}

/* Once for each packet. 0, or 1: the maps are not what they should be. */
PC_SUBPROGRAM int pc_find_rows(struct pc_query *query)
{
	const struct pc_generation *generation;
	const struct pc_packet *packet;
	const struct pc_tables *tables;
	const void *arena = pc_arena();
	__u64 word, found = 0;

	if (!query || !arena)
		return 1;
	generation = pc_generation_of(query);
	if (!generation)
		return 1;
	packet = &query->packet;
	tables = packet->family == 4 ? &generation->tables[0] : &generation->tables[1];
	query->base = generation->base;
	query->epoch = *(const volatile __u32 *)&generation->epoch;
	query->words = tables->words;
	query->candidates = 0;
	query->block_hits = 0;
	if (!tables->words)
		return 0;
	if (tables->words > PC_ROW_WORDS_MAX)
		return 1;
	pc_fill_key(query);
	pc_find_addresses(arena, query, tables);
	query->sport = pc_find_port(arena, query, tables, 0,
				    pc_port_index(packet, packet->sport, packet->icmp_type));
	query->dport = pc_find_port(arena, query, tables, 1,
				    pc_port_index(packet, packet->dport, packet->icmp_code));
	query->rows[PC_ROW_PROTO] =
		query->base + pc_u32_at(arena, query->base + tables->protos + packet->proto * 4ULL);
	query->rows[PC_ROW_ZONE] =
		query->base + pc_u32_at(arena, query->base + tables->zones + query->in_zone * 4ULL);
	/* No branch depends on what is in the rows. */
#pragma clang loop unroll(disable)
	for (word = 0; word < PC_ROW_WORDS_MAX; word++) {
		__u64 both;

		if (word >= query->words)
			break;
		both = pc_candidates_in(arena, query, word);
		query->together[word] = both;
		both |= -both;
		PC_HIDE(both);
		found |= both >> 63 << word;
	}
	query->candidates = found;
	return 0;
}
