/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The look-up of the classifier by itself: each run takes the next header of a trace. bench_fill
 * makes a query of it, bench_look_up asks the classifier as well; the difference of their times is
 * what a look-up costs. bench_answer also keeps the answers, to be compared with a linear search.
 */
#define PC_DEFINE_MAPS
/* Of the walk only its beginning is used. */
#pragma clang diagnostic ignored "-Wunused-function"
#include "xdp/walk.h"
#include "tests/bench/trace.h"

#define BENCH_NO_RULE 0xffffffffU

char bench_classify_license[] SEC("license") = "GPL";

const volatile __u32 trace_family = 4;
struct bench_header trace[BENCH_TRACE];
struct bench_header6 trace6[BENCH_TRACE];
__u32 answers[BENCH_TRACE];
__u32 trace_mask = 0;
__u64 next_header = 0, matched = 0;

/* Not on the stack, as in the XDP program: see struct pc_query. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pc_walk);
} walks SEC(".maps");

static __always_inline void bench_fill_packet(struct pc_packet *packet, __u32 at)
{
	const struct bench_header *header = &trace[at];
	const struct bench_header6 *header6 = &trace6[at];
	__u8 proto;

	if (trace_family == 4) {
		packet->saddr[0] = header->saddr;
		packet->daddr[0] = header->daddr;
		packet->sport = bpf_ntohs(header->sport);
		packet->dport = bpf_ntohs(header->dport);
		packet->tcp_flags = header->tcp_flags;
		proto = header->proto;
	} else {
		__builtin_memcpy(packet->saddr, header6->saddr, sizeof(packet->saddr));
		__builtin_memcpy(packet->daddr, header6->daddr, sizeof(packet->daddr));
		packet->sport = bpf_ntohs(header6->sport);
		packet->dport = bpf_ntohs(header6->dport);
		packet->tcp_flags = header6->tcp_flags;
		proto = header6->proto;
	}
	packet->family = trace_family;
	packet->proto = proto;
	packet->flags = 0;
	if (proto == IPPROTO_TCP)
		packet->flags = PC_PKT_HAS_PORTS | PC_PKT_HAS_TCP_FLAGS;
	else if (proto == IPPROTO_UDP)
		packet->flags = PC_PKT_HAS_PORTS;
	else
		packet->sport = packet->dport = 0;
	if (proto != IPPROTO_TCP)
		packet->tcp_flags = 0;
	packet->len = trace_family == 4 ? 46 : 66;
	packet->ttl = 64;
	packet->vlan = PC_VLAN_NONE;
	packet->frag = PC_FRAG_NONE;
}

/* The header's index; its packet is in the walk. */
static __always_inline __u32 bench_begin(struct pc_walk *walk)
{
	__u32 at = next_header++ & trace_mask & (BENCH_TRACE - 1);

	bench_fill_packet(&walk->query.packet, at);
	return at;
}

/* The classifier's interface, and the only place here that knows it: the priority of the first rule
 * that matches, or BENCH_NO_RULE. The rules are those of generation 0.
 */
static __always_inline __u32 bench_ask(struct pc_walk *walk)
{
	walk->in_zone = 1; /* zone 0 is of the router's own packets */
	if (pc_walk_start(walk))
		return BENCH_NO_RULE;
	walk->query.state_bit = PC_STATE_NEW;
	walk->query.out_bits = ~0ULL;
	walk->query.from = 0;
	if (pc_first_match(&walk->query))
		return BENCH_NO_RULE;
	return walk->query.found;
}

SEC("xdp")
int bench_fill(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct pc_walk *walk = bpf_map_lookup_elem(&walks, &zero);

	(void)ctx;
	if (walk)
		bench_begin(walk);
	return XDP_DROP;
}

SEC("xdp")
int bench_look_up(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct pc_walk *walk = bpf_map_lookup_elem(&walks, &zero);

	(void)ctx;
	if (walk) {
		bench_begin(walk);
		matched += bench_ask(walk) != BENCH_NO_RULE;
	}
	return XDP_DROP;
}

SEC("xdp")
int bench_answer(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct pc_walk *walk = bpf_map_lookup_elem(&walks, &zero);

	(void)ctx;
	if (walk) {
		__u32 at = bench_begin(walk);

		answers[at & (BENCH_TRACE - 1)] = bench_ask(walk);
	}
	return XDP_DROP;
}
