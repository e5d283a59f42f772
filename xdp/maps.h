/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The maps of rules/abi.h. filter.bpf.c sets PC_DEFINE_MAPS and so defines them; in every other
 * object they are extern, and `bpftool gen object` checks that both sides mean the same.
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "rules/abi.h"

#ifdef PC_DEFINE_MAPS
#define PC_MAP
#else
#define PC_MAP extern
#endif

/* The entries of event_budget. */
enum pc_budget_use {
	PC_BUDGET_SAMPLED, /* events of `log = "sampled"` */
	PC_BUDGET_REJECT,  /* answers of `reject` */
	PC_BUDGET_ALL,	   /* events of `log = "all"` */
	PC_BUDGETS,
};

/* A token bucket of one CPU: see pc_budget_take(). */
struct pc_budget {
	__u64 tokens;
	__u64 filled_ns;     /* CLOCK_MONOTONIC_COARSE */
	__u64 asked_jiffies; /* the clock is read once a jiffy at most */
};

/* Code that every object has and one of them keeps. The verifier looks at it once, whoever calls,
 * and takes from a pointer to a struct only its size.
 */
#define PC_SUBPROGRAM __weak __noinline

struct pc_grace_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
};

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pc_control);
} control SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PC_GENERATIONS);
	__type(key, __u32);
	__type(value, struct pc_generation);
} generations SEC(".maps");

/* Whoever loads this makes its value longer, and pc_arena_mask fit. */
PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, PC_ARENA_MIN + PC_ARENA_SLACK);
} classifier SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct pc_grace_map);
} grace SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PC_GENERATIONS *PC_IFINDEX_MAX);
	__type(key, __u32);
	__type(value, struct pc_iface);
} ifaces SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PC_GENERATIONS *PC_VLAN_TABLES_MAX);
	__type(key, __u32);
	__type(value, struct pc_vlan_zones);
} vlan_zones SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PC_BLOCKS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} block_hits SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PC_RULE_IDS_MAX);
	__type(key, __u32);
	__type(value, struct pc_rule_name);
} rule_names SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PC_RULE_IDS_MAX);
	__type(key, __u32);
	__type(value, struct pc_counter);
} rule_counters SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PC_REASON_END);
	__type(key, __u32);
	__type(value, struct pc_counter);
} reasons SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PC_IFACE_SLOTS_MAX);
	__type(key, __u32);
	__type(value, struct pc_iface_counter);
} iface_counters SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PC_BUDGETS);
	__type(key, __u32);
	__type(value, struct pc_budget);
} event_budget SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PC_INSPECTED_MAX);
	__type(key, struct pc_flow_key);
	__type(value, struct pc_flow);
} flows SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, PC_WORKERS_MAX *PC_LISTENERS);
	__type(key, __u32);
	__type(value, __u64);
} listeners SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PC_WORKERS_MAX);
	__type(key, __u32);
	__type(value, struct pc_heartbeat);
} heartbeat SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PC_INSPECTED_UDP_MAX);
	__type(key, struct pc_flow_key);
	__type(value, struct pc_flow);
} insp_udp SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PC_INSPECTED_DATAGRAMS);
	__type(key, struct pc_insp_datagram);
	__type(value, struct pc_insp_fragments);
} insp_fragments SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PC_INSPECTS_MAX);
	__type(key, __u32);
	__type(value, struct pc_inspect_stats);
} insp_stats SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PC_UPSTREAM_SERVERS_MAX);
	__type(key, __u32);
	__type(value, struct pc_upstream_server);
} insp_upstream SEC(".maps");

/* Whoever loads these makes them as long as [flows] max asks for. */
PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PC_FLOW_BUCKETS_LEAST);
	__type(key, __u32);
	__type(value, struct pc_flow_bucket);
} flow_buckets SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PC_FLOWS_MIN);
	__type(key, __u32);
	__type(value, struct pc_flow_entry);
} flow_entries SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pc_flow_free);
} flow_free SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pc_flow_globals);
} flow_globals SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PC_FLOW_FRAGMENTS);
	__type(key, __u32);
	__type(value, struct pc_flow_fragment);
} flow_fragments SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PC_FLOW_SOURCES);
	__type(key, __u32);
	__type(value, __u64);
} flow_sources SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PC_GENERATIONS *PC_LIMITS_MAX);
	__type(key, __u32);
	__type(value, struct pc_limit);
} limits SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PC_LIMIT_SETS);
	__type(key, __u32);
	__type(value, struct pc_limit_set);
} limit_sets SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PC_LIMITS_MAX);
	__type(key, __u32);
	__type(value, struct pc_rule_name);
} limit_names SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PC_ZONES_MAX);
	__type(key, __u32);
	__type(value, struct pc_rule_name);
} zone_names SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PC_INSPECTS_MAX);
	__type(key, __u32);
	__type(value, struct pc_rule_name);
} inspect_names SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PC_LIMITS_MAX);
	__type(key, __u32);
	__type(value, struct pc_limit_counter);
} limit_counters SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PC_GUARD_COLUMNS);
	__type(key, __u32);
	__type(value, struct pc_guard_cells);
} guard_sketch SEC(".maps");

PC_MAP struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PC_GUARD_TOP);
	__type(key, __u32);
	__type(value, struct pc_guard_candidate);
} guard_top SEC(".maps");

/* Set before load: what one CPU's share of a ceiling is. 1 gives each CPU all of it. */
#ifdef PC_DEFINE_MAPS
const volatile __u32 pc_cpus = 1;
const volatile __u32 pc_arena_mask = PC_ARENA_MIN - 1;
const volatile __u32 pc_flow_buckets = PC_FLOW_BUCKETS_LEAST;
#else
extern const volatile __u32 pc_cpus;
extern const volatile __u32 pc_arena_mask;
extern const volatile __u32 pc_flow_buckets;
#endif
