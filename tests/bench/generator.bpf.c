/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The traffic of the benchmark: run by BPF_PROG_TEST_RUN with live frames, each run writes the next
 * header of a trace into the frame and sends it out of the veth. No tool, no socket: millions of
 * packets a second from one core.
 */
#include "tests/bench/flow_frame.h"
#include "tests/bench/trace.h"

/* Who is later than that does not catch up: less than the 100 ms of a limit's burst. */
#define BENCH_LATE_NS 90000000

const volatile __u32 out_ifindex = 0;
const volatile __u32 trace_mask = 0;
struct bench_header trace[BENCH_TRACE];
struct bench_header6 trace6[BENCH_TRACE];
__u64 next_header = 0;
struct bench_flow_set flow_set;
__u8 receiver[ETH_ALEN];
/* Between two packets; 0: as many as it can. The runs between them send nothing. */
__u64 pace_ns = 0, pace_due_ns = 0;

/* One generator runs at a time: no atomic operation needed. */
static __always_inline __u32 bench_next(void)
{
	return next_header++ & trace_mask & (BENCH_TRACE - 1);
}

SEC("xdp")
int bench_generate(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + ETH_HLEN;
	struct bench_ports *ports = data + ETH_HLEN + sizeof(*ip);
	const struct bench_header *header = &trace[bench_next()];

	if ((void *)(ports + 1) > data_end)
		return XDP_ABORTED;
	ip->saddr = header->saddr;
	ip->daddr = header->daddr;
	ip->protocol = header->proto;
	ip->check = header->check;
	ports->source = header->sport;
	ports->dest = header->dport;
	ports->tcp_flags = header->tcp_flags;
	return bpf_redirect(out_ifindex, 0);
}

SEC("xdp")
int bench_generate6(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct ipv6hdr *ip = data + ETH_HLEN;
	struct bench_ports *ports = data + ETH_HLEN + sizeof(*ip);
	const struct bench_header6 *header = &trace6[bench_next()];

	if ((void *)(ports + 1) > data_end)
		return XDP_ABORTED;
	__builtin_memcpy(&ip->saddr, header->saddr, sizeof(header->saddr));
	__builtin_memcpy(&ip->daddr, header->daddr, sizeof(header->daddr));
	ip->nexthdr = header->proto;
	ports->source = header->sport;
	ports->dest = header->dport;
	ports->tcp_flags = header->tcp_flags;
	return bpf_redirect(out_ifindex, 0);
}

static __always_inline bool bench_is_due(void)
{
	__u64 now;

	if (!pace_ns)
		return true;
	now = bpf_ktime_get_ns();
	if ((__s64)(now - pace_due_ns) < 0)
		return false;
	if (now - pace_due_ns > BENCH_LATE_NS)
		pace_due_ns = now;
	pace_due_ns += pace_ns;
	return true;
}

SEC("xdp")
int bench_generate_flow(struct xdp_md *ctx)
{
	struct ethhdr *eth;

	if (!bench_is_due())
		return XDP_DROP;
	if (!bench_write_flow(ctx, &flow_set, (__u32)next_header++))
		return XDP_ABORTED;
	eth = (void *)(long)ctx->data;
	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	__builtin_memcpy(eth->h_dest, receiver, ETH_ALEN);
	return bpf_redirect(out_ifindex, 0);
}

/* The yardstick: the least that an XDP program can do. */
SEC("xdp")
int bench_empty(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
