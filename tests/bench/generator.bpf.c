/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The traffic of the benchmark: run by BPF_PROG_TEST_RUN with live frames, each run writes the next
 * header of a trace into the frame and sends it out of the veth. No tool, no socket: millions of
 * packets a second from one core.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>
#include "tests/bench/trace.h"

const volatile __u32 out_ifindex = 0;
struct bench_header trace[BENCH_TRACE];
__u64 next_header = 0;

SEC("xdp")
int bench_generate(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + ETH_HLEN;
	__be16 *ports = data + ETH_HLEN + sizeof(*ip);

	if ((void *)(ports + 2) > data_end)
		return XDP_ABORTED;

	/* One generator runs at a time: no atomic operation needed. */
	const struct bench_header *header = &trace[next_header++ & (BENCH_TRACE - 1)];

	ip->saddr = header->saddr;
	ip->daddr = header->daddr;
	ip->protocol = header->proto;
	ip->check = header->check;
	ports[0] = header->sport;
	ports[1] = header->dport;
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
