/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet as the rules see it, and the cursor that reads frames. Plain C for three users: the XDP
 * program, the TC programs, and the host (fuzzer and tests, also as C++). Nothing here or in the
 * parser calls a BPF helper.
 */
#pragma once
#include <linux/types.h>
#include <linux/stddef.h>
#include <bpf/bpf_endian.h>
#include <stdbool.h>
#include "rules/abi.h"

/* <linux/stddef.h> has a weaker one, and bpf_helpers.h replaces it in the same words. */
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))

enum pc_tcp_flag { PC_TCP_FIN = 1, PC_TCP_SYN = 2, PC_TCP_RST = 4, PC_TCP_ACK = 16 };

enum pc_packet_flag {
	PC_PKT_HAS_PORTS = 1 << 0,
	PC_PKT_HAS_ICMP = 1 << 1,
	PC_PKT_HAS_TCP_FLAGS = 1 << 2,
	PC_PKT_PPPOE = 1 << 3, /* a PPPoE session header ends at l3_off */
};

/* Filled by pc_parse(). Integers are in host order; `__be` types are as on the wire. */
struct pc_packet {
	__be32 saddr[4]; /* an IPv4 address is word 0, the other words are 0 */
	__be32 daddr[4];
	__u32 seq, ack;	    /* TCP; of ICMP echo `seq` is the identifier */
	__u32 segment;	    /* TCP: bytes of payload */
	__u32 frag_id;	    /* identification, of fragments */
	__u16 sport, dport; /* PC_PKT_HAS_PORTS */
	__u16 len;	    /* of L3: IPv4 total length, IPv6 payload length + 40; at most 65535 */
	__u16 vlan; /* outermost VLAN id that is not 0 (0 only carries a priority), or PC_VLAN_NONE
		     */
	__u16 l3_off, l4_off; /* from the start of the frame */
	__u16 window;	      /* TCP, as in the header */
	__u8 smac[6];
	__u8 family; /* 4, 6; 0: no IP header was reached */
	__u8 proto;  /* after the IPv6 extension headers */
	__u8 ttl;
	__u8 dscp;
	__u8 tcp_flags;		   /* PC_PKT_HAS_TCP_FLAGS */
	__u8 icmp_type, icmp_code; /* PC_PKT_HAS_ICMP */
	__u8 frag;		   /* enum pc_frag_bit */
	__u8 flags;		   /* enum pc_packet_flag */
	__u8 reason;		   /* enum pc_reason, when pc_parse() returned false */
	__u8 scale;		   /* TCP: PC_NO_SCALE, until pc_read_scale() */
	__u8 l4_size;		   /* TCP: of the header with its options */
};
PC_ASSERT_SIZE(struct pc_packet, 80);

#define PC_NO_SCALE	 0xff
#define PC_SCALE_HIGHEST 14 /* RFC 7323 */

#define PC_NO_TAG 0xffffffffU

struct pc_cursor {
	const void *data;
	const void *data_end;
	__u32 len; /* of the frame; an skb may hold more than lies between data and data_end */
	__u32 tag; /* TCI of a VLAN tag that the hardware took out of the frame, or PC_NO_TAG */
};

/* Copies a header out of the frame: into registers, once optimised. Headers lie at any alignment;
 * BPF programs may load words from there where the CPU can, the host's C may not.
 */
#ifdef __bpf__
#define pc_read(to, from) __builtin_memcpy((to), __builtin_assume_aligned((from), 4), sizeof(*(to)))
#else
#define pc_read(to, from) __builtin_memcpy((to), (from), sizeof(*(to)))
#endif

/* For the verifier: it follows each way of reaching an offset on its own, and tags, PPPoE and
 * extension headers multiply (6.18 took 456,000 instructions for the parser, of the million that
 * the whole program may take). After this it knows of an offset no more than its bound, so the ways
 * join. `noise` is any number that it does not know.
 */
#define PC_OFFSET_MASK 0x3fff

static __always_inline __u32 pc_forget(__u32 off, __u32 noise)
{
#ifdef __bpf__
	asm volatile("%0 ^= %1\n\t%0 ^= %1" : "+r"(off) : "r"(noise));
#endif
	(void)noise;
	return off & PC_OFFSET_MASK;
}

static __always_inline const __u8 *pc_at(const struct pc_cursor *c, __u32 off)
{
	return (const __u8 *)c->data + off;
}

/* The one place where a read is allowed: `size` is a constant at each call, for the verifier. */
static __always_inline bool pc_holds(const struct pc_cursor *c, const __u8 *from, __u32 size)
{
	return from + size <= (const __u8 *)c->data_end;
}

static __always_inline bool pc_refuse(struct pc_packet *p, enum pc_reason reason)
{
	p->reason = (__u8)reason;
	return false;
}

/* Did a frame end in a written default for what is no IP, and not in a fault? */
static __always_inline bool pc_is_non_ip(const struct pc_packet *p)
{
	return p->reason >= PC_REASON_PASS_FIRST;
}
