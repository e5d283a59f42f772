/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hash of the classifier's buckets, for the kernel that looks up and the compiler that fills
 * in. Seeded at random for each image, so that nobody can choose addresses or ports that collide.
 */
#pragma once
#include <linux/types.h>

/* What an entry is found by, each part under its tuple's masks. */
struct pc_key {
	__u64 addr; /* IPv4: source << 32 | destination; IPv6: pc_fold_addr() */
	__u64 sport, dport;
	__u32 rest;  /* PC_REST() */
	__u32 tuple; /* its index */
};

/* An IPv6 source and destination under a tuple's masks. Different ones may fold to the same: the
 * record says which.
 */
static inline __u64 pc_fold_addr(__u64 seed, __u64 a, __u64 b, __u64 c, __u64 d)
{
	__u64 h = (a ^ seed) * 0x9e3779b97f4a7c15ULL;

	h = (h ^ (h >> 32) ^ b) * 0xc2b2ae3d27d4eb4fULL;
	h = (h ^ (h >> 29) ^ c) * 0x165667b19e3779f9ULL;
	h = (h ^ (h >> 32) ^ d) * 0xff51afd7ed558ccdULL;
	return h ^ (h >> 31);
}

/* 32 good bits. */
static inline __u32 pc_hash(__u64 seed, const struct pc_key *key)
{
	__u64 rest = (__u64)key->tuple << 32 | key->rest;
	__u64 h = (key->addr ^ seed) * 0x9e3779b97f4a7c15ULL;

	h += key->sport * 0xc2b2ae3d27d4eb4fULL;
	h += key->dport * 0x165667b19e3779f9ULL;
	h += rest * 0xff51afd7ed558ccdULL;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	return (__u32)(h >> 32);
}

/* Flows. The endpoints of a flow, in an order that both directions have: by their folded addresses,
 * then by their ports.
 */
static inline __u64 pc_flow_fold(__u64 seed, const __be32 addr[4])
{
	__u64 h = (((__u64)addr[0] << 32 | addr[1]) ^ seed) * 0x9e3779b97f4a7c15ULL;

	h = (h ^ (h >> 32) ^ ((__u64)addr[2] << 32 | addr[3])) * 0xc2b2ae3d27d4eb4fULL;
	return h ^ (h >> 29);
}

/* `low` and `high` are the folded addresses in that order, `ports` theirs likewise. 64 good bits.
 */
static inline __u64 pc_flow_hash(__u64 seed, __u64 low, __u64 high, __u32 ports, __u8 proto)
{
	__u64 h = low * 0x9e3779b97f4a7c15ULL + (high ^ seed) * 0xc2b2ae3d27d4eb4fULL;

	h ^= h >> 31;
	h += ((__u64)ports << 8 | proto) * 0x165667b19e3779f9ULL;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	return h ^ (h >> 32);
}

/* Where a source counts in the guard's sketch in this epoch: 12 bits for each row from the lowest,
 * then 10 for its place among the candidates.
 */
static inline __u64 pc_guard_hash(__u64 seed, __u32 epoch, __u8 family, const __be32 prefix[4])
{
	__u64 h =
		pc_flow_fold(seed ^ (((__u64)epoch << 8 | family) * 0x165667b19e3779f9ULL), prefix);

	h = (h ^ (h >> 32)) * 0xd6e8feb86659fd93ULL;
	return h ^ (h >> 32);
}

/* The counter of flows of this source: IPv4 addresses, IPv6 networks of 64 bits. */
static inline __u32 pc_flow_source_index(__u64 seed, __u8 family, const __be32 addr[4])
{
	__u64 h = (__u64)addr[0] << 32;

	if (family == 6)
		h |= addr[1];
	h = (h ^ (seed >> 7)) * 0xff51afd7ed558ccdULL;
	return (__u32)(h >> 48);
}
