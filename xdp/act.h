/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carries out what judge.h decided, counts and reports it. Everything that reads the packet comes
 * before the metadata, which moves it.
 */
#pragma once

#include "xdp/judge.h"
#include "xdp/reject.h"

static __always_inline void pc_count_frame(const struct pc_frame *frame)
{
	__u64 jiffies = frame->walk.jiffies;
	/* A frame that was not parsed has no L3 length. */
	__u32 bytes = frame->walk.query.packet.len ? frame->walk.query.packet.len : frame->len;

	if (frame->rule_id)
		pc_count_rule(frame->rule_id, bytes, jiffies);
	if (frame->reason)
		pc_count_reason(frame->reason, bytes, jiffies);
	if (frame->unparseable)
		pc_count_reason(PC_REASON_UNPARSEABLE, bytes, jiffies);
	if (frame->iface_slot)
		pc_count_iface(frame->iface_slot, frame->verdict, frame->len);
}

static __always_inline void pc_report_frame(const struct pc_frame *frame)
{
	struct pc_happening what = {
		.packet = &frame->walk.query.packet,
		.slot = frame->walk.slot,
		.jiffies = frame->walk.jiffies,
		.ifindex = frame->walk.ifindex,
		.rule_id = frame->rule_id,
		.log = frame->log,
		.reason = frame->reason,
		.action = frame->action,
		.hook = PC_HOOK_XDP,
	};

	if (frame->log)
		pc_report(&what);
}

/* Tells TC ingress what to do to skb->mark. A driver that has no room for metadata (or a program
 * before us that used it) costs the mark, not the packet.
 */
static __always_inline void pc_leave_mark(struct xdp_md *ctx, const struct pc_frame *frame)
{
	struct pc_meta *meta;

	if (!bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta))) {
		meta = (void *)(long)ctx->data_meta;
		if ((void *)(meta + 1) <= (void *)(long)ctx->data) {
			meta->magic = PC_META_MAGIC;
			meta->mark = frame->walk.mark;
			meta->mark_mask = frame->walk.mark_mask;
			meta->zero = 0;
			return;
		}
	}
	pc_count_reason(PC_REASON_MARK_FAILED, frame->walk.query.packet.len, frame->walk.jiffies);
}

static __always_inline int pc_answer(struct xdp_md *ctx, struct pc_frame *frame)
{
	int answer = pc_answer_packet(ctx, &frame->walk.query.packet, frame->walk.jiffies);

	if (answer != XDP_ABORTED)
		return answer;
	frame->reason = PC_REASON_REJECT_LIMITED;
	return XDP_DROP;
}

static __always_inline int pc_act(struct xdp_md *ctx, struct pc_frame *frame)
{
	int answer = XDP_DROP;

	if (frame->verdict == PC_IF_REJECT)
		answer = frame->reason == PC_REASON_SYN_ANSWERED
				 ? pc_send_cookie(ctx, &frame->walk.query.packet)
				 : pc_answer(ctx, frame);
	pc_count_frame(frame);
	pc_report_frame(frame);
	if (frame->verdict != PC_IF_ACCEPT)
		return answer;
	if (frame->opens == PC_COOKIE && pc_send_syn(ctx, &frame->walk.query.packet))
		return XDP_DROP;
	if (frame->flow.shift && pc_shift_ack(ctx, &frame->walk.query.packet, frame->flow.shift))
		return XDP_DROP;
	if (frame->walk.mark_mask)
		pc_leave_mark(ctx, frame);
	return XDP_PASS;
}
