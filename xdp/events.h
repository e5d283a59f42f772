/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events to userspace. A flood of packets must not become a flood of events: each CPU has its share
 * of the rule set's ceiling, and it is taken before anything else is done for the event. `log =
 * "all"` is not sampled, but has a hard ceiling of its own: PC_EVENTS_ALL_PER_SECOND on each CPU,
 * and the room in the ring buffer. What is over is not reported; the counters are always exact.
 */
#pragma once

#include "xdp/count.h"
#include "xdp/parse.h"

enum pc_event_limits { PC_EVENTS_ALL_PER_SECOND = 20000 };

/* NONE: rules are only asked, see pc_walk_opening(). */
enum pc_hook { PC_HOOK_XDP, PC_HOOK_TC, PC_HOOK_NONE };

/* What happened to a packet. The packet is zero where it was not parsed. */
struct pc_happening {
	const struct pc_packet *packet;
	__u64 jiffies;
	__u32 slot; /* of the generation */
	__u32 ifindex;
	__u32 rule_id;
	__u8 log;    /* enum pc_log */
	__u8 reason; /* enum pc_reason */
	__u8 action; /* enum pc_action */
	__u8 hook;   /* enum pc_hook */
};

static __always_inline bool pc_event_affordable(const struct pc_happening *what,
						__u32 sample_per_second)
{
	__u32 cpus = pc_cpus ? pc_cpus : 1;
	__u32 share = (sample_per_second + cpus - 1) / cpus;

	if (what->log == PC_LOG_ALL)
		return pc_budget_take(PC_BUDGET_ALL, PC_EVENTS_ALL_PER_SECOND, what->jiffies);
	return pc_budget_take(PC_BUDGET_SAMPLED, share, what->jiffies);
}

/* Not inlined: it is rare, and the callers are many. */
static __noinline int pc_report(const struct pc_happening *what)
{
	const struct pc_generation *generation = bpf_map_lookup_elem(&generations, &what->slot);
	const struct pc_packet *packet = what->packet;
	struct pc_event *event;

	if (!generation || !pc_event_affordable(what, generation->sample_per_second))
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return 0;
	event->time_ns = bpf_ktime_get_ns();
	event->generation = generation->number;
	__builtin_memcpy(event->saddr, packet->saddr, sizeof(event->saddr));
	__builtin_memcpy(event->daddr, packet->daddr, sizeof(event->daddr));
	event->ifindex = what->ifindex;
	event->rule_id = what->rule_id;
	event->sport = packet->flags & PC_PKT_HAS_ICMP ? packet->icmp_type : packet->sport;
	event->dport = packet->flags & PC_PKT_HAS_ICMP ? packet->icmp_code : packet->dport;
	event->len = packet->len;
	event->vlan = packet->vlan;
	event->reason = what->reason;
	event->action = what->action;
	event->family = packet->family;
	event->proto = packet->proto;
	event->tcp_flags = packet->tcp_flags;
	event->hook = what->hook;
	__builtin_memset(event->zero, 0, sizeof(event->zero));
	bpf_ringbuf_submit(event, 0);
	return 0;
}
