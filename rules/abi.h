/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel programs and userspace agree on. Plain data only: fixed-size types, no pointers,
 * no padding, byte order in the type (__be16, __be32) or host order. Changing anything here changes
 * PC_ABI_VERSION, and a daemon refuses pinned maps of another version.
 */
#pragma once
#include <linux/types.h>

#ifdef __cplusplus
#define PC_ASSERT_SIZE(type, size) static_assert(sizeof(type) == (size), #type)
#else
#define PC_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#endif

#define PC_ABI_VERSION 1

/* One list, three uses: the enum, the counter index, the word that the shell prints.
 * The first list drops a packet, the second lets a frame pass that no rule can judge.
 */
#define PC_DROP_REASONS(X)                            \
	X(RULE, "rule")                               \
	X(POLICY, "policy")                           \
	X(BLOCK, "block")                             \
	X(FRAGMENT, "fragment")                       \
	X(REJECT, "reject")                           \
	X(REJECT_LIMITED, "reject-limited")           \
	X(ETH_TRUNCATED, "eth-truncated")             \
	X(VLAN_TRUNCATED, "vlan-truncated")           \
	X(VLAN_DEPTH, "vlan-depth")                   \
	X(PPPOE_MALFORMED, "pppoe-malformed")         \
	X(NON_IP, "non-ip")                           \
	X(IPV4_TRUNCATED, "ipv4-truncated")           \
	X(IPV4_VERSION, "ipv4-version")               \
	X(IPV4_IHL, "ipv4-header-length")             \
	X(IPV4_TOTAL_LENGTH, "ipv4-total-length")     \
	X(IPV6_TRUNCATED, "ipv6-truncated")           \
	X(IPV6_VERSION, "ipv6-version")               \
	X(IPV6_PAYLOAD_LENGTH, "ipv6-payload-length") \
	X(IPV6_EXT_TRUNCATED, "ipv6-ext-truncated")   \
	X(IPV6_EXT_DEPTH, "ipv6-ext-depth")           \
	X(L4_TRUNCATED, "l4-truncated")               \
	X(TCP_DATA_OFFSET, "tcp-data-offset")         \
	X(UDP_LENGTH, "udp-length")                   \
	X(TINY_FRAGMENT, "tiny-fragment")             \
	X(INSPECT_DOWN, "inspect-down")               \
	X(INSPECT_FRAGMENT, "inspect-fragment")       \
	X(INSPECT_STRAY, "inspect-stray")             \
	X(INTERNAL, "internal")

#define PC_PASS_REASONS(X)                     \
	X(ARP, "arp")                          \
	X(LLDP, "lldp")                        \
	X(LINK_CONTROL, "link-control")        \
	X(OTHER_ETHERTYPE, "other-ethertype")  \
	X(UNPARSEABLE, "unparseable-accepted") \
	X(ESSENTIAL_ICMP, "essential-icmp")    \
	X(DEFAULT_ACCEPT, "policy-accept")     \
	X(INSPECT_BYPASS, "inspect-bypass")    \
	X(INSPECT_DIVERT, "inspect-divert")    \
	X(INSPECT_REPLY, "inspect-reply")      \
	X(INSPECT_PASS, "inspect-down-pass")   \
	X(MARK_FAILED, "mark-failed")

#define PC_ENUM_REASON(name, word) PC_REASON_##name,
enum pc_reason {
	PC_REASON_NONE,
	PC_DROP_REASONS(PC_ENUM_REASON) PC_REASON_PASS_FIRST,
	PC_REASON_PASS_BEFORE = PC_REASON_PASS_FIRST - 1,
	PC_PASS_REASONS(PC_ENUM_REASON) PC_REASON_END
};

#undef PC_ENUM_REASON

enum pc_limits {
	PC_RECORDS_MAX = 4096,	  /* rules in one generation */
	PC_RULE_IDS_MAX = 16384,  /* stable rule ids; 0 is "no rule" */
	PC_NAME_MAX = 64,	  /* a name with its final NUL */
	PC_ZONES_MAX = 64,	  /* zone 0 is "no zone" */
	PC_INSPECTS_MAX = 64,	  /* inspect 0 is "none" */
	PC_IFINDEX_MAX = 65536,	  /* interfaces with a larger index are refused */
	PC_IFACE_SLOTS_MAX = 256, /* attached interfaces; slot 0 is "not attached" */
	PC_VLAN_TABLES_MAX = 64,  /* interfaces whose zones depend on the VLAN; 0 is "none" */
	PC_VLAN_NONE = 4096,	  /* the "VLAN id" of an untagged (or priority-tagged) frame */
	PC_VLAN_DEPTH_MAX = 2,
	PC_EXT_HEADERS_MAX = 6,	  /* IPv6 extension headers followed before giving up */
	PC_ADDR_SETS_MAX = 512,	  /* compiled address lists in one generation; 0 is "inline" */
	PC_NUMBER_SETS_MAX = 128, /* compiled 16-bit lists (ports, lengths, VLANs) */
	PC_BYTE_SETS_MAX =
		512,	    /* compiled 8-bit lists (protocols, types, flags, TTLs); 0 is "any" */
	PC_MACS_MAX = 4096, /* entries of all src_mac lists of one generation */
	PC_ADDR_ENTRIES_MAX = 2097152, /* prefixes of all address lists of one generation */
	PC_BLOCKS_MAX = 65536,	       /* entries of the dynamic set @blocks */
	PC_FLOWS_MAX = 262144,	       /* flows remembered for the inspector */
	PC_GENERATIONS = 2,	       /* double buffer: one active, one being built */
};

enum pc_family_bit { PC_IPV4 = 1, PC_IPV6 = 2 };
enum pc_frag_bit { PC_FRAG_NONE = 1, PC_FRAG_FIRST = 2, PC_FRAG_LATER = 4 };
enum pc_log { PC_LOG_NONE, PC_LOG_SAMPLED, PC_LOG_ALL };
enum pc_fragments { PC_FRAGMENTS_ACCEPT, PC_FRAGMENTS_ACCEPT_FIRST, PC_FRAGMENTS_DROP };
enum pc_on_down { PC_ON_DOWN_PASS, PC_ON_DOWN_DROP };

/* What a rule does. COUNT and MARK do not end the walk. */
enum pc_action {
	PC_ACTION_ACCEPT,
	PC_ACTION_DROP,
	PC_ACTION_REJECT,
	PC_ACTION_INSPECT,
	PC_ACTION_MARK,
	PC_ACTION_COUNT,
};

/* Written once per commit: the store of `active` is the commit. */
struct pc_control {
	__u32 abi_version;   /* PC_ABI_VERSION */
	__u32 active;	     /* 0 or 1: the generation slot that packets use */
	__u32 blocks;	     /* entries in `blocks`; 0 skips the look-up */
	__u32 bypass_mark;   /* mark bits (value == mask) of the inspector's own packets */
	__u32 inspect_veth;  /* ifindex of the host end of the inspector's veth; 0 = not set up */
	__u8 inspect_mac[6]; /* MAC address of the inspector's end */
	__u8 zero[6];
};
PC_ASSERT_SIZE(struct pc_control, 32);

/* The head of one generation slot. */
struct pc_generation {
	__u64 number;		 /* the commit's number, for events and `show status` */
	__u32 records;		 /* rules in `records` */
	__u32 flags;		 /* enum pc_generation_flag */
	__u32 sample_per_second; /* ceiling of sampled events, all CPUs together */
	__u8 fragments;		 /* enum pc_fragments */
	__u8 unparseable_accept;
	__u8 non_ip_accept;
	__u8 log;			       /* enum pc_log: of packets that the policy drops */
	__u8 zone_default[PC_ZONES_MAX];       /* PC_ACTION_ACCEPT or PC_ACTION_DROP */
	__u8 inspect_on_down[PC_INSPECTS_MAX]; /* enum pc_on_down */
};
PC_ASSERT_SIZE(struct pc_generation, 152);

enum pc_generation_flag {
	PC_GEN_SADDR_SETS = 1 << 0, /* some rule needs the source's set membership */
	PC_GEN_DADDR_SETS = 1 << 1,
	PC_GEN_TC = 1 << 2,	 /* some rule runs at TC egress */
	PC_GEN_INSPECT = 1 << 3, /* some rule inspects */
};

/* A rule, compiled: record i is the rule at position i in the order of the rule set. All conditions
 * must hold. In every set index 0 stands for "no list". Addresses and masks are in network byte
 * order; an IPv4 address is word 0, the other words are 0. Ranges are inclusive, in host order.
 */
struct pc_record {
	__be32 saddr[4]; /* compared under smask when saddr_set is 0 */
	__be32 smask[4];
	__be32 daddr[4];
	__be32 dmask[4];
	__u64 in_zones;	 /* bit z: zone z; bit 0: the router's own packets */
	__u64 out_zones; /* bit z; all bits set when the rule does not name `out` */
	__u64 dscp;	 /* bit d */
	struct {
		__u16 low, high; /* when the number set of that field is 0 */
	} sport, dport, len, vlan;
	__u8 sport_set, dport_set, len_set, vlan_set; /* index into number_sets */
	__u16 saddr_set, daddr_set;		      /* bit index into struct pc_addr_sets */
	__u16 proto_set, ttl_set, icmp_type_set, icmp_code_set, tcp_flags_set; /* byte_sets */
	__u16 mac_set;	       /* key of `macs`; list membership */
	__u16 flags;	       /* enum pc_record_flag */
	__u8 families;	       /* enum pc_family_bit */
	__u8 frags;	       /* enum pc_frag_bit */
	__u32 rule_id;	       /* index into the counters */
	__u32 mark, mark_mask; /* PC_ACTION_MARK: mark = (old & ~mark_mask) | mark */
	__u8 action;	       /* enum pc_action */
	__u8 log;	       /* enum pc_log */
	__u8 inspect;	       /* PC_ACTION_INSPECT: inspect id */
	__u8 zero[9];
};
PC_ASSERT_SIZE(struct pc_record, 152);

enum pc_record_flag {
	PC_NEEDS_PORTS = 1 << 0,     /* names sport or dport: a packet without ports fails */
	PC_NEEDS_ICMP = 1 << 1,	     /* names icmp_type or icmp_code */
	PC_NEEDS_TCP_FLAGS = 1 << 2, /* names tcp_flags */
	PC_AT_TC = 1 << 3,	     /* runs at TC egress: names `out` or inspects */
	PC_MAC_NEGATED = 1 << 4,     /* src_mac must not be in mac_set */
};

/* Key of the LPM trie `addr_sets[generation]`. Every look-up gives all the lists that hold the
 * address, because the compiler ORs each entry with its covering entries.
 */
struct pc_addr_key {
	__u32 prefixlen; /* 32 + the prefix's length */
	__be32 family;	 /* network order of 4 or 6 */
	__be32 addr[4];
};
PC_ASSERT_SIZE(struct pc_addr_key, 24);

struct pc_addr_sets {
	__u64 bits[PC_ADDR_SETS_MAX / 64]; /* bit s: list s holds the address */
};

struct pc_number_set {
	__u64 bits[65536 / 64];
};

struct pc_byte_set {
	__u64 bits[256 / 64];
};

struct pc_mac_key {
	__u16 set;
	__u8 addr[6];
};
PC_ASSERT_SIZE(struct pc_mac_key, 8);

/* By ifindex, per generation: which zone a frame of this interface enters. */
struct pc_iface {
	__u8 zone;	 /* when vlan_table is 0 */
	__u8 vlan_table; /* index into vlan_zones */
	__u16 slot;	 /* index into iface_counters, stable while the interface is attached */
};
PC_ASSERT_SIZE(struct pc_iface, 4);

struct pc_vlan_zones {
	__u8 zone[PC_VLAN_NONE + 8]; /* by VLAN id; PC_VLAN_NONE: untagged */
};

struct pc_rule_name {
	char name[PC_NAME_MAX];
};

/* Per CPU, summed on read. */
struct pc_counter {
	__u64 packets;
	__u64 bytes;	    /* of L3 */
	__u64 last_jiffies; /* bpf_jiffies64() of the last hit; the largest of all CPUs counts */
};

/* Per CPU and interface slot. Bytes are of the frame. */
enum pc_iface_verdict { PC_IF_ACCEPT, PC_IF_DROP, PC_IF_REJECT, PC_IF_INSPECT, PC_IF_VERDICTS };
struct pc_iface_counter {
	__u64 packets[PC_IF_VERDICTS];
	__u64 bytes[PC_IF_VERDICTS];
};

struct pc_block_key {
	__u32 prefixlen; /* as in pc_addr_key */
	__be32 family;
	__be32 addr[4];
};

/* The deadline is the latest of the entry's own and those of all blocks that cover it, so that a
 * longer prefix never hides a shorter one that lives on.
 */
struct pc_block {
	__u64 deadline_jiffies; /* bpf_jiffies64(); 0 = for good */
	__u64 packets;		/* approximate: added to without a lock */
};

/* A flow handed to the inspector, keyed by its tuple as it leaves the WAN (after masquerade).
 * Addresses as in pc_packet; ports in network order.
 */
struct pc_flow_key {
	__be32 saddr[4];
	__be32 daddr[4];
	__be16 sport, dport;
	__u8 proto;
	__u8 family; /* 4 or 6 */
	__u8 zero[2];
};
PC_ASSERT_SIZE(struct pc_flow_key, 40);

enum pc_flow_verdict { PC_FLOW_INSPECT, PC_FLOW_PASS, PC_FLOW_DROP };

struct pc_flow {
	__u64 created_ns; /* CLOCK_MONOTONIC */
	__be32 client[4]; /* the source before NAT; family as in the key */
	__be16 client_port;
	__u8 eth[14];	  /* the frame's Ethernet header as it was leaving */
	__u32 ifindex;	  /* WAN interface */
	__u32 in_ifindex; /* where the client's packets enter; 0: the router's own flow */
	__u32 rule_id;
	__u32 generation; /* low word of pc_generation.number */
	__u8 verdict;	  /* enum pc_flow_verdict */
	__u8 inspect;
	__u8 ct_found; /* 1: the client was found by conntrack */
	__u8 zero;
	__u16 vlan_tci; /* of the tag that leaves in front of the frame, when vlan_proto is not 0 */
	__be16 vlan_proto;
};
PC_ASSERT_SIZE(struct pc_flow, 64);

struct pc_heartbeat {
	__u64 beat_ns; /* CLOCK_MONOTONIC of the inspector's last turn of its event loop */
};

#define PC_HEARTBEAT_TIMEOUT_NS 500000000ULL

enum pc_listener { PC_LISTENER_TCP4, PC_LISTENER_TCP6, PC_LISTENERS };

/* Written by the inspector only. */
struct pc_inspect_stats {
	__u64 flows;
	__u64 active;
	__u64 allowed;
	__u64 denied;
	__u64 upstream_failed;
	__u64 bytes_to_server;
	__u64 bytes_to_client;
};

/* XDP metadata in front of the packet: what TC ingress shall do. */
#define PC_META_MAGIC 0x50434d31
struct pc_meta {
	__u32 magic;
	__u32 mark;
	__u32 mark_mask;
	__u32 zero;
};
PC_ASSERT_SIZE(struct pc_meta, 16);

/* One sampled event, in the ring buffer `events`. */
struct pc_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 generation;
	__be32 saddr[4];
	__be32 daddr[4];
	__u32 ifindex;
	__u32 rule_id;
	__u16 sport, dport; /* host order; icmp type and code in place of ports */
	__u16 len;
	__u16 vlan;
	__u8 reason; /* enum pc_reason */
	__u8 action; /* enum pc_action */
	__u8 family; /* 4, 6 or 0: not parsed */
	__u8 proto;
	__u8 tcp_flags;
	__u8 hook; /* 0 xdp, 1 tc */
	__u8 zero[2];
};
PC_ASSERT_SIZE(struct pc_event, 72);

/* The pinned maps: PC_MAPS(X) with X(name). Every map has one entry per item and generation slot g
 * where it says "per generation": index = g * MAX + i.
 *
 * control        ARRAY[1]                        struct pc_control, mmapable
 * generations    ARRAY[2]                        struct pc_generation, mmapable
 * records        ARRAY[2 * PC_RECORDS_MAX]       struct pc_record, mmapable, per generation
 * addr_sets      ARRAY_OF_MAPS[2]                LPM_TRIE pc_addr_key -> pc_addr_sets
 * number_sets    ARRAY[2 * PC_NUMBER_SETS_MAX]   struct pc_number_set, mmapable, per generation
 * byte_sets      ARRAY[2 * PC_BYTE_SETS_MAX]     struct pc_byte_set, mmapable, per generation
 * macs           ARRAY_OF_MAPS[2]                HASH pc_mac_key -> __u8
 * ifaces         ARRAY[2 * PC_IFINDEX_MAX]       struct pc_iface, mmapable, per generation
 * vlan_zones     ARRAY[2 * PC_VLAN_TABLES_MAX]   struct pc_vlan_zones, per generation
 * blocks         LPM_TRIE                        pc_block_key -> pc_block
 * rule_names     ARRAY[PC_RULE_IDS_MAX]          struct pc_rule_name: which rule owns an id
 * rule_counters  PERCPU_ARRAY[PC_RULE_IDS_MAX]   struct pc_counter
 * reasons        PERCPU_ARRAY[PC_REASON_END]     struct pc_counter
 * iface_counters PERCPU_ARRAY[PC_IFACE_SLOTS_MAX] struct pc_iface_counter
 * events         RINGBUF
 * event_budget   PERCPU_ARRAY[3]                 token buckets: sampled events, rejects, all events
 * flows          LRU_HASH[PC_FLOWS_MAX]          pc_flow_key -> pc_flow
 * listeners      SOCKMAP[PC_LISTENERS]
 * heartbeat      ARRAY[1]                        struct pc_heartbeat, mmapable
 * insp_stats     ARRAY[PC_INSPECTS_MAX]          struct pc_inspect_stats
 */
/* clang-format off */
#define PC_MAPS(X)                                                                     \
	X(control) X(generations) X(records) X(addr_sets) X(number_sets) X(byte_sets)  \
	X(macs) X(ifaces) X(vlan_zones) X(blocks) X(rule_names) X(rule_counters)       \
	X(reasons) X(iface_counters) X(events) X(event_budget) X(flows) X(listeners)   \
	X(heartbeat) X(insp_stats)
/* clang-format on */
