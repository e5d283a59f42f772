/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a packet of a known flow costs: both programs write the headers of the next packet and call
 * another one, bench_pass_on an empty program, bench_filter the one that the daemon loaded.
 */
#include "tests/bench/flow_frame.h"

char bench_flows_license[] SEC("license") = "GPL";

struct bench_flow_set flow_set;
__u32 next_packet = 0;

enum { BENCH_TARGET_EMPTY, BENCH_TARGET_FILTER, BENCH_TARGETS };

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, BENCH_TARGETS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} targets SEC(".maps");

SEC("xdp")
int bench_empty(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

SEC("xdp")
int bench_pass_on(struct xdp_md *ctx)
{
	if (bench_write_flow(ctx, &flow_set, next_packet++))
		bpf_tail_call(ctx, &targets, BENCH_TARGET_EMPTY);
	return XDP_ABORTED;
}

SEC("xdp")
int bench_filter(struct xdp_md *ctx)
{
	if (bench_write_flow(ctx, &flow_set, next_packet++))
		bpf_tail_call(ctx, &targets, BENCH_TARGET_FILTER);
	return XDP_ABORTED;
}
