// SPDX-License-Identifier: GPL-2.0-or-later
/* The XDP program: parse, look up, count, act. */
#define PC_DEFINE_MAPS
#include "xdp/maps.h"
#include "xdp/act.h"
#include "xdp/judge.h"

char pc_filter_license[] SEC("license") = "GPL";

/* The frame that this CPU has at hand. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pc_frame);
} frames SEC(".maps");

SEC("xdp")
int pc_filter(struct xdp_md *ctx)
{
	__u32 zero = 0, slot;
	const struct pc_control *now = bpf_map_lookup_elem(&control, &zero);
	struct pc_frame *frame = bpf_map_lookup_elem(&frames, &zero);
	const struct pc_generation *generation;

	if (!now || !frame)
		return XDP_ABORTED;
	/* All that decides a packet is of the generation that is active now. */
	slot = *(const volatile __u32 *)&now->active % PC_GENERATIONS;
	generation = bpf_map_lookup_elem(&generations, &slot);
	if (!generation)
		return XDP_ABORTED;
	pc_begin(frame, slot, bpf_jiffies64(), ctx->ingress_ifindex, bpf_xdp_get_buff_len(ctx));
	pc_judge(ctx, frame, generation);
	return pc_act(ctx, frame);
}
