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

#include "rules/abi_flow.h"
#include "rules/abi_inspect.h"

#define PC_ABI_VERSION 5

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
	X(INSPECT_OVERLOAD, "inspect-overload")       \
	X(INSPECT_DENIED, "inspect-denied")           \
	X(LIMIT, "limit")                             \
	X(FLOW_CUT, "flow-cut")                       \
	X(FLOW_BUDGET, "flow-budget")                 \
	X(FLOW_SOURCE, "flow-per-source")             \
	X(FLOW_FULL, "flow-table-full")               \
	X(SYN_COOKIE, "syn-cookie-invalid")           \
	X(INTERNAL, "internal")

#define PC_PASS_REASONS(X)                       \
	X(ARP, "arp")                            \
	X(LLDP, "lldp")                          \
	X(LINK_CONTROL, "link-control")          \
	X(OTHER_ETHERTYPE, "other-ethertype")    \
	X(UNPARSEABLE, "unparseable-accepted")   \
	X(ESSENTIAL_ICMP, "essential-icmp")      \
	X(DEFAULT_ACCEPT, "policy-accept")       \
	X(INSPECT_BYPASS, "inspect-bypass")      \
	X(INSPECT_DIVERT, "inspect-divert")      \
	X(INSPECT_REPLY, "inspect-reply")        \
	X(INSPECT_PEEK, "inspect-peek")          \
	X(INSPECT_PEEKED, "inspect-peeked")      \
	X(INSPECT_PASS, "inspect-down-pass")     \
	X(INSPECT_OVER, "inspect-overload-pass") \
	X(ESTABLISHED, "established")            \
	X(RELATED, "related")                    \
	X(SYN_ANSWERED, "syn-cookie-sent")       \
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
	PC_RULES_MAX = 131072,	  /* rules in one generation */
	PC_RULE_IDS_MAX = 262144, /* stable rule ids; 0 is "no rule" */
	PC_NAME_MAX = 64,	  /* a name with its final NUL */
	PC_ZONES_MAX = 64,	  /* zone 0 is "no zone" */
	PC_INSPECTS_MAX = 64,	  /* inspect 0 is "none" */
	PC_IFINDEX_MAX = 65536,	  /* interfaces with a larger index are refused */
	PC_IFACE_SLOTS_MAX = 256, /* attached interfaces; slot 0 is "not attached" */
	PC_VLAN_TABLES_MAX = 64,  /* interfaces whose zones depend on the VLAN; 0 is "none" */
	PC_VLAN_NONE = 4096,	  /* the "VLAN id" of an untagged (or priority-tagged) frame */
	PC_VLAN_DEPTH_MAX = 2,
	PC_EXT_HEADERS_MAX = 6,	   /* IPv6 extension headers followed before giving up */
	PC_ADDR_LISTS_MAX = 4096,  /* compiled address lists in one generation; 0 is "inline" */
	PC_NUMBER_SETS_MAX = 1024, /* compiled 16-bit lists (ports, lengths, VLANs) */
	PC_BYTE_SETS_MAX =
		4096,	    /* compiled 8-bit lists (protocols, types, flags, TTLs); 0 is "any" */
	PC_MACS_MAX = 4096, /* entries of all src_mac lists of one generation */
	PC_ADDR_ENTRIES_MAX = 4194304, /* prefixes of all address lists of one generation */
	PC_BLOCKS_MAX = 65536,	       /* entries of the dynamic set @blocks */
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
	__u32 abi_version; /* PC_ABI_VERSION */
	__u32 active;	   /* 0 or 1: the generation slot that packets use */
	__u32 zero1;
	__u32 bypass_mark;   /* mark bits (value == mask) of the inspector's own packets */
	__u32 inspect_veth;  /* ifindex of the host end of the inspector's veth; 0 = not set up */
	__u8 inspect_mac[6]; /* MAC address of the inspector's end */
	__u8 zero[6];
};
PC_ASSERT_SIZE(struct pc_control, 32);

/* A rule, compiled: what is asked of a packet that the key of an entry (struct pc_bucket) lets
 * through, and what is done. All conditions must hold. In every set index 0 stands for "no list".
 * Addresses and masks are in network byte order; an IPv4 address is word 0, the other words are 0.
 * Ranges are inclusive, in host order.
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
	__u16 sport_set, dport_set, len_set, vlan_set; /* number sets of the image */
	__u16 saddr_set, daddr_set;		       /* list bit of the address's row */
	__u16 proto_set, ttl_set, icmp_type_set, icmp_code_set, tcp_flags_set; /* byte sets */
	__u16 mac_set;	       /* list of MAC addresses */
	__u16 flags;	       /* enum pc_record_flag */
	__u8 families;	       /* enum pc_family_bit */
	__u8 frags;	       /* enum pc_frag_bit */
	__u32 rule_id;	       /* index into the counters */
	__u32 mark, mark_mask; /* PC_ACTION_MARK: mark = (old & ~mark_mask) | mark */
	__u8 action;	       /* enum pc_action */
	__u8 log;	       /* enum pc_log */
	__u8 inspect;	       /* PC_ACTION_INSPECT: inspect id */
	__u8 states;	       /* enum pc_state_bit */
	__u16 limit;	       /* limit id; 0: none */
	__u16 zero;
	__u32 birth, death; /* holds while birth <= the generation's epoch < death */
};
PC_ASSERT_SIZE(struct pc_record, 160);

enum pc_record_flag {
	PC_NEEDS_PORTS = 1 << 0,     /* names sport or dport: a packet without ports fails */
	PC_NEEDS_ICMP = 1 << 1,	     /* names icmp_type or icmp_code */
	PC_NEEDS_TCP_FLAGS = 1 << 2, /* names tcp_flags */
	PC_AT_TC = 1 << 3,	     /* runs at TC egress: names `out` or inspects */
	PC_MAC_NEGATED = 1 << 4,     /* src_mac must not be in mac_set */
	PC_KEEP_FLOWS = 1 << 5,	     /* flows it accepted are not judged again after a commit */
};

/* The classifier: ARCHITECTURE.md, "Classifier". All of a generation's rules are one image, a run
 * of bytes somewhere in the one value of the map `classifier`; offsets are in bytes from the start
 * of the image, integers in host order. The map's value is a power of two long (pc_arena_mask is
 * that minus 1) and PC_ARENA_SLACK more, so that a masked offset may be read from without another
 * question.
 */
#define PC_ARENA_SLACK 4096
#define PC_ARENA_MIN   (1 << 22)
#define PC_ARENA_MAX   (1 << 28)

enum pc_classifier_limit {
	PC_TUPLES_MAX = 4096,
	PC_ROW_WORDS_MAX = PC_TUPLES_MAX / 64,
	PC_TABLE_BITS_MAX = 22,
	PC_CHUNK_STEPS_MAX = 18,
	PC_TIMED_MAX = 8, /* dynamic sets that hold one address */
	/* The classes of one port field: ports, ICMP types or codes in their place, neither. */
	PC_PORT_ICMP = 65536,
	PC_PORT_NONE = 65536 + 256,
	PC_PORT_INDEXES = 65536 + 256 + 8,
	/* What was given up when the look-up took longer than any packet can. */
	PC_STEPS_MAX = 65536,
};

/* What an address leads to: a type and a place. An address is looked at 32 bits at a time. */
enum pc_ref_type {
	PC_REF_ROW,   /* place / 8: the row of this address's class */
	PC_REF_TABLE, /* bits 25-29: n, place / 16: __u32[1 << n] by the next n bits of the address
		       */
	PC_REF_CHUNK, /* bits 25-29: size, place / 16: struct pc_range[] sorted by `first` */
	PC_REF_TIMED, /* place / 8: struct pc_timed */
};
#define PC_REF_TYPE(ref)    ((ref) >> 30)
#define PC_REF_BITS(ref)    ((ref) >> 25 & 31)
#define PC_REF_PLACE8(ref)  (((ref)&0x3fffffff) << 3)
#define PC_REF_PLACE16(ref) (((ref)&0x1ffffff) << 4)
/* The entries of a chunk of this size; rest: `first` 0xffffffff and the ref of the last. */
#define PC_CHUNK_SIZE(bits) ((2U + ((bits)&1)) << ((bits) >> 1))

/* From `first` (of these 32 bits) to the next one's. A table or chunk here is for the next 32 bits.
 * `first` of the first one is not looked at.
 */
struct pc_range {
	__u32 first;
	__u32 ref;
};

/* Entries of dynamic sets: what holds until the deadline, and what afterwards. */
struct pc_timed {
	__u64 deadline_jiffies; /* bpf_jiffies64(); all ones: for good */
	__u32 live, expired;	/* PC_REF_ROW or PC_REF_TIMED */
	__u32 hits;		/* index into block_hits */
	__u32 zero;
};
PC_ASSERT_SIZE(struct pc_timed, 24);

/* The row of an address is followed by one bit for each address list; bit 0 of a source: @blocks.
 * Every row's first `words` words say which tuples may hold a matching entry. A bit too many costs
 * time; one too few is a wrong verdict. The bit of a tuple whose entries name a list is exact, on
 * the side of that list, as the list's own bit is.
 */
struct pc_port_class {
	__u64 labels; /* 16 bits each from bit 16: the range that holds the port, by layer; 0: none
		       */
	__u32 row;
	__u32 zero;
};

/* Entries that name the same parts of a packet: its key under these masks leads to them. */
struct pc_tuple {
	__u64 addr[4];	    /* IPv4: [0] is source << 32 | destination; IPv6: source, destination */
	__u64 sport, dport; /* of labels | port */
	__u32 rest;	    /* of PC_REST() */
	__u32 zero[3];
};
PC_ASSERT_SIZE(struct pc_tuple, 64);

/* Apart from the masks, because it is looked at for each candidate. */
struct pc_best {
	__u32 own;    /* no entry of the tuple has a lower priority */
	__u32 suffix; /* nor one of any later tuple */
};

#define PC_REST(proto, zone, dscp, ttl) \
	((__u32)(proto) | (__u32)(zone) << 8 | (__u32)(dscp) << 16 | (__u32)(ttl) << 24)
#define PC_TAG(tuple, rest) ((__u32)(tuple) << 16 | ((rest)&0xffff))

#define PC_PRIORITY_NONE 0xffffffffU

/* Two entries: one cache line. An entry holds if all of it does and, with PC_RULE_CHECK, its
 * record. Storing its priority, last, is what makes it exist.
 */
struct pc_bucket {
	__u64 key[2];	/* of the addresses: themselves under the tuple's mask, or pc_fold_addr() */
	__u32 tag[2];	/* PC_TAG */
	__u32 sport[2]; /* low << 16 | high - low */
	__u32 dport[2];
	__u32 priority[2];
	__u32 rule[2];	 /* bits 0-19: record; without PC_RULE_CHECK that is the rule's id */
	__u32 next;	 /* bucket; 0: none */
	__u32 next_best; /* no entry of the buckets that `next` leads to has a lower priority */
};
PC_ASSERT_SIZE(struct pc_bucket, 64);

#define PC_RULE_RECORD(rule) ((rule)&0xfffff)
#define PC_RULE_ACTION(rule) ((rule) >> 20 & 7)
#define PC_RULE_LOG(rule)    ((rule) >> 23 & 3)
#define PC_RULE_AT_TC	     (1U << 25)
#define PC_RULE_NAMES_OUT    (1U << 26)
#define PC_RULE_ADDRESSES    (1U << 30) /* IPv6: compare with the record's struct pc_addresses */
#define PC_RULE_CHECK	     (1U << 31)

/* Of a rule for IPv6 that asks nothing else of its record: source and destination, host order. */
struct pc_addresses {
	__u64 words[4];
};

/* A list of MAC addresses: __u64[count], sorted, the address as a number. */
struct pc_mac_list {
	__u32 macs;
	__u32 count;
};

/* One family's part of an image. */
struct pc_tables {
	__u32 addr[2];	       /* source, destination: refs */
	__u32 ports[2];	       /* __u16[PC_PORT_INDEXES]: class */
	__u32 port_classes[2]; /* struct pc_port_class[] */
	__u32 protos;	       /* __u32[256]: row */
	__u32 zones;	       /* __u32[PC_ZONES_MAX]: row, by the zone that a packet came from */
	__u32 tuples;	       /* struct pc_tuple[64 * words] */
	__u32 bests;	       /* struct pc_best[64 * words] */
	__u32 buckets;	       /* struct pc_bucket[] */
	__u32 bucket_mask;     /* these are found by pc_hash(), the others by `next` */
	__u32 words;	       /* of a row; 0: no rule asks for this family */
	__u32 addresses;       /* IPv6: struct pc_addresses[], by record */
};
PC_ASSERT_SIZE(struct pc_tables, 56);

struct pc_number_set {
	__u64 bits[65536 / 64];
};
struct pc_byte_set {
	__u64 bits[256 / 64];
};

/* The head of one generation slot. */
struct pc_generation {
	__u64 number;		 /* the commit's number, for events and `show status` */
	__u64 seed;		 /* of pc_hash() */
	__u32 records;		 /* rules that hold */
	__u32 flags;		 /* enum pc_generation_flag */
	__u32 sample_per_second; /* ceiling of sampled events, all CPUs together */
	__u8 fragments;		 /* enum pc_fragments */
	__u8 unparseable_accept;
	__u8 non_ip_accept;
	__u8 log; /* enum pc_log: of packets that the policy drops */
	/* The image. */
	__u32 base;  /* where it starts in the map's value; the other places are from there */
	__u32 epoch; /* storing the next one makes all edits of a live image hold at once */
	__u32 record_table;		 /* struct pc_record[] */
	__u32 number_sets;		 /* struct pc_number_set[] */
	__u32 byte_sets;		 /* struct pc_byte_set[] */
	__u32 mac_lists;		 /* struct pc_mac_list[] */
	__u32 size;			 /* of the image */
	__u32 record_slots;		 /* of record_table; those without a rule_id are free */
	struct pc_tables tables[2];	 /* IPv4, IPv6 */
	__u8 zone_default[PC_ZONES_MAX]; /* PC_ACTION_ACCEPT or PC_ACTION_DROP */
	__u8 inspect_on_down[PC_INSPECTS_MAX]; /* enum pc_on_down */
	struct pc_flow_policy flows;
	__u64 datagram_zones; /* bit z: some rule inspects UDP that leaves by zone z */
	__u64 inspect_peek;   /* bit i: inspect id i ends no TCP connection, see tc/peek.h */
};
PC_ASSERT_SIZE(struct pc_generation, 432);

enum pc_generation_flag {
	PC_GEN_TC = 1 << 0,	 /* some rule runs at TC egress */
	PC_GEN_INSPECT = 1 << 1, /* some rule inspects */
	PC_GEN_FLOWS = 1 << 2,	 /* flows are followed */
};

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
 * classifier     ARRAY[1]                        both generations' images, mmapable
 * grace          ARRAY_OF_MAPS[1]                putting a map there waits for packets at hand
 * ifaces         ARRAY[2 * PC_IFINDEX_MAX]       struct pc_iface, mmapable, per generation
 * vlan_zones     ARRAY[2 * PC_VLAN_TABLES_MAX]   struct pc_vlan_zones, per generation
 * block_hits     ARRAY[PC_BLOCKS_MAX]            __u64: packets of an entry of @blocks, mmapable
 * rule_names     ARRAY[PC_RULE_IDS_MAX]          struct pc_rule_name: which rule owns an id
 * rule_counters  PERCPU_ARRAY[PC_RULE_IDS_MAX]   struct pc_counter
 * reasons        PERCPU_ARRAY[PC_REASON_END]     struct pc_counter
 * iface_counters PERCPU_ARRAY[PC_IFACE_SLOTS_MAX] struct pc_iface_counter
 * events         RINGBUF
 * event_budget   PERCPU_ARRAY[3]                 token buckets: sampled events, rejects, all events
 * more in abi_flow.h and abi_inspect.h
 */
/* clang-format off */
#define PC_MAPS(X)                                                                     \
	X(control) X(generations) X(classifier) X(grace) X(ifaces) X(vlan_zones)       \
	X(block_hits) X(rule_names) X(rule_counters)                                   \
	X(reasons) X(iface_counters) X(events) X(event_budget) X(flows) X(listeners)   \
	X(heartbeat) X(insp_stats) X(insp_udp) X(insp_fragments) X(insp_upstream)      \
	X(flow_buckets) X(flow_entries) X(flow_free) X(flow_globals)                   \
	X(flow_fragments) X(flow_sources) X(limits) X(limit_sets) X(limit_names)       \
	X(limit_counters) X(zone_names) X(inspect_names)            \
	X(guard_sketch) X(guard_top)
/* clang-format on */
