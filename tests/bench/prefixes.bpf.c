/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's own prefix table, BPF_MAP_TYPE_LPM_TRIE, as a peer: by itself (trie_fill and
 * trie_look_up, as in classify.bpf.c) and as an XDP program that looks up each source and drops.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "tests/bench/trace.h"

char bench_prefixes_license[] SEC("license") = "GPL";

struct bench_key4 {
	__u32 length;
	__be32 addr;
};

struct bench_key6 {
	__u32 length;
	__be32 addr[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2000000);
	__type(key, struct bench_key4);
	__type(value, __u32);
} trie4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2000000);
	__type(key, struct bench_key6);
	__type(value, __u32);
} trie6 SEC(".maps");

const volatile __u32 trace_family = 4;
struct bench_header trace[BENCH_TRACE];
struct bench_header6 trace6[BENCH_TRACE];
__u32 trace_mask = 0;
__u64 next_header = 0, matched = 0;

static __always_inline bool bench_holds4(__be32 addr)
{
	struct bench_key4 key = { .length = 32, .addr = addr };

	return bpf_map_lookup_elem(&trie4, &key);
}

static __always_inline bool bench_holds6(const void *addr)
{
	struct bench_key6 key = { .length = 128 };

	__builtin_memcpy(key.addr, addr, sizeof(key.addr));
	return bpf_map_lookup_elem(&trie6, &key);
}

SEC("xdp")
int trie_fill(struct xdp_md *ctx)
{
	__u32 at = next_header++ & trace_mask & (BENCH_TRACE - 1);

	(void)ctx;
	/* The same load, and something that the compiler has to keep. */
	matched += trace_family == 4 ? trace[at].saddr & 1 : trace6[at].saddr[3] & 1;
	return XDP_DROP;
}

SEC("xdp")
int trie_look_up(struct xdp_md *ctx)
{
	__u32 at = next_header++ & trace_mask & (BENCH_TRACE - 1);

	(void)ctx;
	matched +=
		trace_family == 4 ? bench_holds4(trace[at].saddr) : bench_holds6(trace6[at].saddr);
	return XDP_DROP;
}

SEC("xdp")
int trie_drop(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + ETH_HLEN;
	struct ipv6hdr *ip6 = data + ETH_HLEN;

	if ((void *)(eth + 1) > data_end)
		return XDP_ABORTED;
	if (eth->h_proto == bpf_htons(ETH_P_IP) && (void *)(ip + 1) <= data_end)
		matched += bench_holds4(ip->saddr);
	else if (eth->h_proto == bpf_htons(ETH_P_IPV6) && (void *)(ip6 + 1) <= data_end)
		matched += bench_holds6(&ip6->saddr);
	/* What is not in the list is dropped too, so that all packets end here. */
	return XDP_DROP;
}
