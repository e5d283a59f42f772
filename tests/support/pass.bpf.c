/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accepts every frame. On veth, what XDP_TX sends is picked up at once only by a peer that has an
 * XDP program too (the kernel's veth_xdp_flush), so the hosts of the tests have this one.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int pass_all(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
