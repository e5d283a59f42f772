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
