/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows, rate limits and flood guards: what kernel programs and userspace agree on. Part of abi.h,
 * which includes it; the same words about bytes and versions hold.
 */
#pragma once
#include <linux/types.h>

enum pc_flow_limit {
	PC_FLOW_WAYS = 8,	     /* flows that a bucket leads to */
	PC_FLOWS_MIN = 1024,	     /* [flows] max */
	PC_FLOWS_MAX = 4194304,	     /* likewise; see PC_FLOW_INDEX_BITS */
	PC_FLOWS_DEFAULT = 262144,   /* likewise */
	PC_FLOW_BUCKETS_LEAST = 160, /* buckets for PC_FLOWS_MIN flows */
	PC_FLOW_SOURCES = 65536,   /* counters of flows by source, shared by sources that collide */
	PC_FLOW_FRAGMENTS = 16384, /* datagrams whose later fragments are known */
	PC_FLOW_TICK_SHIFT = 4,	   /* a tick is 16 jiffies: in 32 bits, years */
	PC_FLOW_FRAGMENT_TICKS = 128, /* how long later fragments are waited for */
	PC_LIMITS_MAX = 1024,	      /* [limit.*]; 0 is "none" */
	PC_LIMIT_SETS = 16384,	      /* of token buckets */
	PC_LIMIT_WAYS = 4,	      /* token buckets of one set */
	PC_GUARD_ROWS = 4,	      /* of the count-min sketch */
	PC_GUARD_COLUMNS = 4096,      /* likewise */
	PC_GUARD_TOP = 1024,	      /* candidates for the heaviest sources */
};

/* How a packet stands to the flows that are known: the match key `state`. */
enum pc_state_bit {
	PC_STATE_NEW = 1,	  /* begins something, or goes on with what has no answer yet */
	PC_STATE_ESTABLISHED = 2, /* of a flow that was answered, or the answer */
	PC_STATE_RELATED = 4,	  /* an ICMP error about a known flow */
	PC_STATE_INVALID = 8,	  /* can neither begin a flow nor belongs to one */
	PC_STATES_ALL = 15,
};

/* What a flow is doing: also which timeout it has. */
enum pc_flow_state {
	PC_FLOW_TCP_SYN_SENT,
	PC_FLOW_TCP_SYN_RECEIVED,
	PC_FLOW_TCP_ESTABLISHED,
	PC_FLOW_TCP_CLOSING,   /* a FIN of one side */
	PC_FLOW_TCP_TIME_WAIT, /* FINs of both */
	PC_FLOW_TCP_CLOSED,    /* a RST */
	PC_FLOW_UDP_NEW,
	PC_FLOW_UDP_REPLIED,
	PC_FLOW_ICMP_NEW,
	PC_FLOW_ICMP_REPLIED,
	PC_FLOW_OTHER_NEW,
	PC_FLOW_OTHER_REPLIED,
	PC_FLOW_STATES,
	PC_FLOW_TIMEOUTS = 16, /* for the verifier, which follows masks better than remainders */
};

/* What is done with the packets of a flow. Of a flow that was judged anew and dropped, nothing
 * stays.
 */
enum pc_flow_decision_verdict {
	PC_DECISION_NONE, /* not judged on this hook */
	PC_DECISION_ACCEPT,
	PC_DECISION_DROP,     /* by the inspector */
	PC_DECISION_INSPECT,  /* the inspector looks at what the client says first */
	PC_DECISION_RELEASED, /* the inspector lets it pass */
	PC_DECISION_JUDGED,   /* likewise, but the server does not have yet what was judged */
};

/* Of pc_flow_entry.decision. It is replaced as a whole, by compare and exchange, so that a verdict
 * about one flow never becomes that of the next one in the same place.
 */
#define PC_DECISION(rule, verdict, keep, judgement, incarnation)        \
	((__u64)(rule) | (__u64)(verdict) << 18 | (__u64)(keep) << 21 | \
	 ((__u64)(judgement)&0xffffff) << 24 | (__u64)((incarnation)&0xffff) << 48)
/* The same with another verdict. */
#define PC_DECISION_WITH(d, verdict) (((d) & ~(7ULL << 18)) | (__u64)(verdict) << 18)
#define PC_DECISION_RULE(d)	     ((__u32)(d)&0x3ffff)
#define PC_DECISION_VERDICT(d)	     ((__u32)((d) >> 18) & 7)
#define PC_DECISION_KEEP(d)	     ((__u32)((d) >> 21) & 1)
#define PC_DECISION_JUDGEMENT(d)     ((__u32)((d) >> 24) & 0xffffff)
#define PC_DECISION_INCARNATION(d)   ((__u32)((d) >> 48))

enum pc_flow_flag {
	PC_FLOW_SEEN_0 = 1, /* XDP sees the packets that side 0 sends: TC need not count them */
	PC_FLOW_SEEN_1 = 2,
	PC_FLOW_BORN_AT_TC = 4, /* made by a packet that left: its own, or as NAT made it */
	PC_FLOW_LOOSE = 8,	/* picked up in its middle: windows are not known */
	PC_FLOW_PROXIED = 16,	/* began with a SYN cookie, which is `delta` until */
	PC_FLOW_SHIFTED = 32,	/* `delta` is what it says */
	PC_FLOW_LIVE = 64,	/* all of the entry is that of one flow: packets may find it */
};

/* Of pc_flow_entry.sides. */
enum pc_flow_side {
	PC_SIDE_SCALE = 0x0f,  /* RFC 7323: by how much its windows are shifted */
	PC_SIDE_FIN = 0x10,    /* sent one */
	PC_SIDE_SCALES = 0x20, /* its SYN had the window scale option */
};

/* A bucket: which entries have the flows whose hash leads here. 0 is free; else the upper bits are
 * some of the flow's hash, never 0. Entries are apart from it, so that few flows are in few pages,
 * however many there is room for.
 */
#define PC_FLOW_INDEX_BITS	  22
#define PC_FLOW_LINK(tag, index)  ((__u32)(tag) << PC_FLOW_INDEX_BITS | (index))
#define PC_FLOW_LINK_INDEX(link)  ((__u32)(link) & ((1U << PC_FLOW_INDEX_BITS) - 1))
#define PC_FLOW_TAG_OF_HASH(hash) ((__u32)((hash) >> 54) ? (__u32)((hash) >> 54) : 1)
struct pc_flow_bucket {
	__u32 link[PC_FLOW_WAYS];
};

/* Entries without a flow: those below `fresh` are in a list, each with the next one's in `delta`,
 * those from `fresh` on were never used. `list` is taken from and put back to by compare and
 * exchange: the upper half counts how often, the lower one is the first entry's index + 1, or 0.
 */
struct pc_flow_free {
	__u64 list;
	__u32 fresh;
	__u32 zero;
};

/* Of pc_flow_entry.where: which side began, the family, and the zone that its packets came from; 0:
 * the router.
 */
#define PC_WHERE(origin, family, zone) ((__u8)((origin) << 7 | ((family)&2) << 5 | (zone)))
#define PC_WHERE_ORIGIN(where)	       ((__u32)(where) >> 7)
#define PC_WHERE_FAMILY(where)	       (4 + ((__u32)(where) >> 5 & 2))
#define PC_WHERE_ZONE(where)	       ((__u32)(where)&0x3f)

#define PC_ZONE_ANY 0xff

/* A flow: two cache lines. Side 0 and 1 are in the order of their addresses. Who takes PC_FLOW_LIVE
 * away by compare and exchange owns the entry, and nobody else writes it until the flag is back.
 */
struct pc_flow_entry {
	__be32 addr[2][4]; /* an IPv4 address is word 0 */
	__u16 port[2];	   /* host order; of ICMP: the identifier, in both */
	__u8 proto;
	__u8 where;	     /* PC_WHERE() */
	__u8 sides[2];	     /* enum pc_flow_side */
	__u64 decision;	     /* about packets of the side that began */
	__u16 answer_judged; /* the judgement, its low bits, that answers were let in by; 0: none
				yet */
	__u8 answer_zone;    /* that the flow left to; 0: not yet, PC_ZONE_ANY: not known */
	__u8 zero;
	__u32 delta;	 /* SHIFTED: the server's numbers + this are those the client sees */
	__u8 state;	 /* enum pc_flow_state */
	__u8 flags;	 /* enum pc_flow_flag */
	__u16 tc_judged; /* the judgement, its low bits, that TC let who began out by */
	__u32 deadline;	 /* ticks; the flow is over after it */

	__u64 packets[2]; /* sent by each side */
	__u64 bytes[2];	  /* of L3 */
	/* TCP, RFC 9293 and "Real Stateful TCP Packet Filtering in IP Filter" (van Rooij). */
	__u32 end[2];	 /* after the last byte that this side sent */
	__u32 maxend[2]; /* the window of the other side ends here */
	__u32 acked[2];	 /* what this side acknowledged last */
	__u16 maxwin[2]; /* the largest window that this side announced, before scaling */
	__u32 created;	 /* ticks */
};
PC_ASSERT_SIZE(struct pc_flow_bucket, 32);
PC_ASSERT_SIZE(struct pc_flow_free, 16);
PC_ASSERT_SIZE(struct pc_flow_entry, 128);

/* A datagram of a known flow, for its later fragments. */
struct pc_flow_fragment {
	__u64 key;	/* seeded hash of addresses, identification and protocol */
	__u32 deadline; /* ticks */
	__u32 zero;
};

/* One for all: outlives generations, programs and processes. */
struct pc_flow_globals {
	__u64 seed;	   /* random, once per boot; 0: not set yet, no flow is looked up */
	__u64 new_flows;   /* when the next flow may be made, as pc_limit_set.due */
	__u32 half_open;   /* TCP flows in SYN_SENT and SYN_RECEIVED */
	__u32 live;	   /* flows */
	__u32 armed_until; /* ticks: SYN cookies are sent until then; 0: not armed */
	__u32 armed_times;
	__u64 syns;	   /* of those answered by cookies: when there may be more, as new_flows */
	__u32 guard_epoch; /* of the sketch of sources: the daemon begins the next one each second
			    */
	__u32 zero1;
	__u64 zero[2];
};
PC_ASSERT_SIZE(struct pc_flow_globals, 64);

enum pc_syn_protect { PC_SYN_PROTECT_OFF, PC_SYN_PROTECT_AUTO, PC_SYN_PROTECT_ON };
enum pc_guard_mode { PC_GUARD_OFF, PC_GUARD_LOG, PC_GUARD_BLOCK };

/* Of a generation: [flows] and [guard]. */
struct pc_flow_policy {
	__u64 established_zones;	  /* bit z: [zone.*] established */
	__u64 new_interval;		  /* pc_limit.interval of new flows; 0: no budget */
	__u64 new_burst;		  /* pc_limit.burst */
	__u32 timeouts[PC_FLOW_TIMEOUTS]; /* ticks, by enum pc_flow_state */
	__u32 judgement;    /* verdicts of flows with another one are stale; 24 bits, never 0 */
	__u32 per_source;   /* flows that one source may have; 0: any number */
	__u32 syn_trigger;  /* half-open flows that arm SYN cookies */
	__u8 loose;	    /* TCP flows may be picked up in their middle */
	__u8 syn_protect;   /* enum pc_syn_protect */
	__u8 guard;	    /* enum pc_guard_mode */
	__u8 guard_prefix4; /* length of a source prefix for the sketch */
	__u8 guard_prefix6;
	__u8 guard_all; /* no zone drops by default: packets of every zone count */
	__u8 zero[6];
};
PC_ASSERT_SIZE(struct pc_flow_policy, 112);

/* Rate limits by the generic cell rate algorithm (ITU-T I.371): one word a bucket, replaced by
 * compare and exchange. Times are CLOCK_MONOTONIC in PC_LIMIT_UNIT ths of a nanosecond.
 */
#define PC_LIMIT_UNIT_SHIFT 6 /* 64ths of a ns: 9 years in 64 bits */

enum pc_limit_per {
	PC_PER_RULE,
	PC_PER_SRC,
	PC_PER_DST,
	PC_PER_SRC_DST,
	PC_PER_ZONE,
};
enum pc_limit_of { PC_LIMIT_PACKETS, PC_LIMIT_BYTES, PC_LIMIT_FLOWS };
enum pc_limit_over { PC_OVER_DROP, PC_OVER_REJECT, PC_OVER_MARK, PC_OVER_LOG };

/* Of a generation, by limit id. */
struct pc_limit {
	__u64 interval;		     /* between two packets or flows; of bytes: of 65536 bytes */
	__u64 burst;		     /* how far ahead of its time a bucket may be */
	__u32 stable;		     /* stable id: its buckets and counters outlive commits */
	__u32 mark, mark_mask;	     /* PC_OVER_MARK */
	__u8 per, of, over;	     /* enums above */
	__u8 src4, src6, dst4, dst6; /* lengths of prefixes */
	__u8 coarse;		     /* the burst is so long that the clock of jiffies does */
	__u8 zero[4];
};
PC_ASSERT_SIZE(struct pc_limit, 40);

/* Token buckets of one set. A bucket that is not due later than now is full, as a new one is: it
 * can be given to another key without anything being forgotten.
 */
struct pc_limit_set {
	__u64 key[PC_LIMIT_WAYS]; /* seeded hash of limit and address; 0: free */
	__u64 due[PC_LIMIT_WAYS]; /* when it is full again */
};
PC_ASSERT_SIZE(struct pc_limit_set, 64);

/* Per CPU, by stable id. */
struct pc_limit_counter {
	__u64 passed, over; /* packets */
	__u64 passed_bytes, over_bytes;
};

/* The heaviest sources: a count-min sketch that packets from outside count in, and candidates. Per
 * CPU. All of it is of one epoch, see pc_flow_globals: a cell with the tag of another one counts
 * from zero. Which cells a source has is another matter in each epoch, so that what an old tag
 * looks like after 256 of them is no source's count.
 */
#define PC_GUARD_COUNT_MAX	      0xffffffU
#define PC_GUARD_CELL(epoch, count)   ((__u32)(epoch) << 24 | (count))
#define PC_GUARD_CELL_COUNT(cell)     ((cell)&PC_GUARD_COUNT_MAX)
#define PC_GUARD_CELL_IS(cell, epoch) ((cell) >> 24 == ((epoch)&0xff))
/* A source is a candidate once in so many packets. */
#define PC_GUARD_STEP 32
struct pc_guard_cells {
	__u32 cell[PC_GUARD_ROWS]; /* of this column: PC_GUARD_CELL() */
};

struct pc_guard_candidate {
	__be32 prefix[4];
	__u8 family; /* 4 or 6; 0: free */
	__u8 zero;
	__u16 epoch;	/* the low half: a candidate of another one is as good as free */
	__u32 estimate; /* packets of its epoch when it was last seen */
};

/* The maps:
 *
 * flow_buckets   ARRAY[n]                        struct pc_flow_bucket, mmapable
 * flow_entries   ARRAY[4/5 n * PC_FLOW_WAYS]     struct pc_flow_entry, mmapable
 * flow_free      ARRAY[1]                        struct pc_flow_free, mmapable
 * flow_globals   ARRAY[1]                        struct pc_flow_globals, mmapable
 * flow_fragments ARRAY[PC_FLOW_FRAGMENTS]        struct pc_flow_fragment
 * flow_sources   ARRAY[PC_FLOW_SOURCES]          __u64: flows of sources that hash here, mmapable
 * limits         ARRAY[2 * PC_LIMITS_MAX]        struct pc_limit, per generation
 * limit_sets     ARRAY[PC_LIMIT_SETS]            struct pc_limit_set, mmapable
 * limit_names    ARRAY[PC_LIMITS_MAX]            struct pc_rule_name: which limit owns a stable id
 * limit_counters PERCPU_ARRAY[PC_LIMITS_MAX]     struct pc_limit_counter
 * zone_names     ARRAY[PC_ZONES_MAX]             struct pc_rule_name: which zone owns an id
 * inspect_names  ARRAY[PC_INSPECTS_MAX]          struct pc_rule_name: likewise
 * guard_sketch   PERCPU_ARRAY[PC_GUARD_COLUMNS]  struct pc_guard_cells
 * guard_top      PERCPU_ARRAY[PC_GUARD_TOP]      struct pc_guard_candidate
 */
