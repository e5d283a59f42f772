/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inspector: what kernel programs and userspace agree on. Part of abi.h, which includes it; the
 * same words about bytes and versions hold.
 *
 * flows          LRU_HASH[PC_INSPECTED_MAX]      pc_flow_key -> pc_flow: TCP
 * insp_udp       LRU_HASH[PC_INSPECTED_UDP_MAX]  the same of UDP: its floods evict nothing of TCP
 * insp_fragments LRU_HASH[PC_INSPECTED_DATAGRAMS] pc_insp_datagram -> pc_insp_fragments
 * listeners      SOCKMAP[PC_WORKERS_MAX * PC_LISTENERS]
 * heartbeat      ARRAY[PC_WORKERS_MAX]           struct pc_heartbeat, mmapable
 * insp_stats     ARRAY[PC_INSPECTS_MAX]          struct pc_inspect_stats
 * insp_upstream  ARRAY[PC_UPSTREAM_SERVERS_MAX]  struct pc_upstream_server
 */
#pragma once
#include <linux/types.h>

enum pc_inspect_limit {
	PC_INSPECTED_MAX = 262144,	/* TCP flows remembered for the inspector */
	PC_INSPECTED_UDP_MAX = 65536,	/* UDP flows likewise */
	PC_INSPECTED_DATAGRAMS = 16384, /* datagrams whose later fragments are known */
	PC_WORKERS_MAX = 64,		/* event loops of the inspector */
	PC_UPSTREAM_SERVERS_MAX = 1024, /* of all [inspect.*.upstream] */
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

/* PASS and DROP are the inspector's own words about a UDP flow that it has no room for: they hold
 * for PC_OVERLOAD_NS, and its next datagram is offered again. PEEK: not diverted as a whole.
 */
enum pc_flow_verdict { PC_FLOW_INSPECT, PC_FLOW_PASS, PC_FLOW_DROP, PC_FLOW_PEEK };

#define PC_OVERLOAD_NS 5000000000ULL

struct pc_flow {
	__u64 created_ns; /* CLOCK_MONOTONIC; of a verdict PASS or DROP: when that was said */
	__be32 client[4]; /* the source before NAT; family as in the key */
	__be16 client_port;
	__u8 eth[14];	  /* the frame's Ethernet header as it was leaving */
	__u32 ifindex;	  /* WAN interface */
	__u32 in_ifindex; /* where the client's packets enter; 0: the router's own flow */
	__u32 rule_id;
	__u32 generation; /* low word of pc_generation.number */
	__u8 verdict;	  /* enum pc_flow_verdict */
	__u8 inspect;
	__u8 ct_found;	/* 1: the client was found by conntrack */
	__u8 released;	/* PEEK: 1: the inspector lets it pass */
	__u16 vlan_tci; /* of the tag that leaves in front of the frame, when vlan_proto is not 0 */
	__be16 vlan_proto;
	__u32 isn;    /* PEEK: the number of the client's SYN */
	__u32 judged; /* PEEK: after the last byte that the inspector sent on */
};
PC_ASSERT_SIZE(struct pc_flow, 72);

/* Frames between TC and the inspector that looks at a connection without being an end of it have
 * this address, but for its last byte: as destination, the number of the worker; as source, what
 * the inspector says.
 */
#define PC_PEEK_MAC                                \
	{                                          \
		0x02, 0x50, 0x43, 0x50, 0x4b, 0x00 \
	}
#define PC_PEEK_DENIED_TICKS 128 /* how long what is denied is remembered */
enum pc_peek_word {
	PC_PEEK_PASS = 1, /* send it on */
	PC_PEEK_RELEASE,  /* and let the rest of the flow pass by the inspector */
	PC_PEEK_DENY,	  /* drop it, and the rest of the flow */
};

/* Later fragments of a datagram, which have no ports. */
struct pc_insp_datagram {
	__be32 saddr[4];
	__be32 daddr[4];
	__u32 id;   /* identification, as in pc_packet */
	__u8 proto; /* UDP */
	__u8 family;
	__u8 from_inspector; /* 0: leaving the WAN, 1: the inspector's answer */
	__u8 zero;
};
PC_ASSERT_SIZE(struct pc_insp_datagram, 40);

/* What was done with the first one. */
struct pc_insp_fragments {
	__u64 seen_ns; /* CLOCK_MONOTONIC */
	struct pc_flow_key flow;
	__u32 rule_id;
	__u8 verdict; /* enum pc_flow_verdict: INSPECT or PASS */
	__u8 zero[3];
};
PC_ASSERT_SIZE(struct pc_insp_fragments, 56);

/* The programs ask slot 0 how many workers there are, and each worker's own slot whether it is
 * alive. All slots say the same but the beat.
 */
struct pc_heartbeat {
	__u64 beat_ns; /* CLOCK_MONOTONIC of the last turn of the worker's event loop */
	__u32 workers;
	__u32 seed; /* of the hash that gives each flow its worker; drawn by the inspector */
};
PC_ASSERT_SIZE(struct pc_heartbeat, 16);

#define PC_HEARTBEAT_TIMEOUT_NS 500000000ULL

/* Of one worker: its place among the listeners is worker * PC_LISTENERS + enum pc_listener. */
enum pc_listener {
	PC_LISTENER_TCP4,
	PC_LISTENER_TCP6,
	PC_LISTENER_UDP4,
	PC_LISTENER_UDP6,
	PC_LISTENERS
};

/* Written by the inspector only. */
struct pc_inspect_stats {
	__u64 flows;
	__u64 active;
	__u64 allowed;
	__u64 denied;
	__u64 upstream_failed;
	__u64 bytes_to_server;
	__u64 bytes_to_client;
	__u64 datagrams_to_server;
	__u64 datagrams_to_client;
	__u64 datagrams_lost; /* not relayed: no room in a socket, held too many, refused */
	__u64 overload;	      /* flows that there was no room for */
};

/* Of one server of an [inspect.*.upstream]. Written by the inspector only; no packet asks for it, a
 * map is what it may write and the daemon may read. Slots are taken from 0 on, in no order that
 * lasts: a server is known by its inspect id, address and port. inspect 0 ends the list.
 */
struct pc_upstream_server {
	__be32 address[4];
	__u64 active; /* flows at this moment, of all workers */
	__u64 chosen; /* these and the following: since the inspector began */
	__u64 failed; /* connections of flows that failed */
	__u64 checks;
	__u64 checks_failed;
	__u64 since_ns; /* CLOCK_MONOTONIC of the last change of up; 0: none yet */
	__be16 port;
	__u8 family; /* 4 or 6 */
	__u8 inspect;
	__u8 up;
	__u8 zero;
	__u16 fault; /* of the last check: 0 none, below 1000 its HTTP status, else 1000 + errno */
};
PC_ASSERT_SIZE(struct pc_upstream_server, 72);
