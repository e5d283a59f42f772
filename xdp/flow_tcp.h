/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP as a router in the middle can follow it: states, and whether a segment lies in the window of
 * its connection. After RFC 9293, RFC 5961 (resets), RFC 7323 (scaled windows) and "Real Stateful
 * TCP Packet Filtering in IP Filter" by G. van Rooij (2001), whose four bounds these are. Calls no
 * helper: the host compiles it for tests.
 */
#pragma once

#include "xdp/packet.h"

enum pc_tcp_answer {
	PC_TCP_GOOD,  /* of the connection */
	PC_TCP_IDLE,  /* likewise, but says nothing new: the time-out goes on */
	PC_TCP_APART, /* a SYN that changes nothing here: a matter of the rules */
	PC_TCP_AGAIN, /* a SYN where all is over: the next connection of these ports */
	PC_TCP_BAD,
};

/* What the other side may be behind by, whatever its windows say: as in conntrack. */
#define PC_TCP_BEHIND 66000

#define PC_LOOSE_SCALE 14

enum pc_tcp_option { PC_TCPOPT_END = 0, PC_TCPOPT_NOP = 1, PC_TCPOPT_SCALE = 3 };

#define PC_TCP_OPTIONS_MAX 40

/* What follows the header of a segment. */
struct pc_tcp_options {
	__u8 bytes[PC_TCP_OPTIONS_MAX];
};

/* RFC 7323: how far the windows of this side are shifted, or PC_NO_SCALE. What is malformed ends
 * the list, as it does in the stacks of hosts.
 */
static __always_inline __u8 pc_find_scale(const struct pc_tcp_options *options, __u32 size)
{
	__u32 at = 0, i;

#pragma clang loop unroll(disable)
	for (i = 0; i < PC_TCP_OPTIONS_MAX; i++) {
		__u32 length = 1;

		at = pc_forget(at, size);
		if (at + 2 >= PC_TCP_OPTIONS_MAX || at >= size ||
		    options->bytes[at] == PC_TCPOPT_END)
			break;
		if (options->bytes[at] != PC_TCPOPT_NOP)
			length = options->bytes[at + 1];
		if (!length)
			break;
		if (options->bytes[at] == PC_TCPOPT_SCALE && length == 3 && at + 3 <= size)
			return options->bytes[at + 2] > PC_SCALE_HIGHEST ? PC_SCALE_HIGHEST
									 : options->bytes[at + 2];
		at += length;
	}
	return PC_NO_SCALE;
}

static __always_inline bool pc_tcp_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

/* A SYN begins, and nothing but a SYN. */
static __always_inline bool pc_tcp_begins(const struct pc_packet *p)
{
	return (p->tcp_flags & (PC_TCP_SYN | PC_TCP_ACK | PC_TCP_RST | PC_TCP_FIN)) == PC_TCP_SYN;
}

static __always_inline __u32 pc_tcp_end(const struct pc_packet *p)
{
	return p->seq + p->segment + !!(p->tcp_flags & PC_TCP_SYN) + !!(p->tcp_flags & PC_TCP_FIN);
}

/* By how much the windows of this side are shifted. */
static __always_inline __u32 pc_tcp_scale(const struct pc_flow_entry *e, __u32 side)
{
	return e->sides[side & 1] & PC_SIDE_SCALE;
}

/* The first segment of a side, its SYN. As long as it has acknowledged nothing, `acked` is the
 * least that the other side can acknowledge.
 */
static __always_inline void pc_tcp_introduce(struct pc_flow_entry *e, __u32 side,
					     const struct pc_packet *p)
{
	bool scales = p->scale != PC_NO_SCALE;

	side &= 1;
	e->end[side] = pc_tcp_end(p);
	e->maxend[side] = e->end[side] + 1;
	e->acked[side] = p->tcp_flags & PC_TCP_ACK ? p->ack : p->seq + 1;
	e->maxwin[side] = p->window ? p->window : 1;
	e->sides[side] = scales ? (p->scale & PC_SIDE_SCALE) | PC_SIDE_SCALES : 0;
}

static __always_inline void pc_tcp_open(struct pc_flow_entry *e, __u32 side,
					const struct pc_packet *p)
{
	pc_tcp_introduce(e, side, p);
	side = !side;
	e->end[side] = 0;
	e->maxend[side] = 0;
	e->acked[side] = 0;
	e->maxwin[side] = 0;
	e->sides[side] = 0;
}

/* Windows are shifted only if both sides said so. */
static __always_inline void pc_tcp_agree(struct pc_flow_entry *e)
{
	if (e->sides[0] & e->sides[1] & PC_SIDE_SCALES)
		return;
	e->sides[0] &= (__u8)~PC_SIDE_SCALE;
	e->sides[1] &= (__u8)~PC_SIDE_SCALE;
}

/* In its middle: nothing is known of the windows, so all that they could be is allowed. */
static __always_inline void pc_tcp_pick_up(struct pc_flow_entry *e, __u32 side,
					   const struct pc_packet *p)
{
	__u32 wide = 0xffffU << PC_LOOSE_SCALE, other = !side;

	side &= 1;
	e->end[side] = pc_tcp_end(p);
	e->maxend[side] = e->end[side] + wide;
	e->end[other] = p->ack;
	e->maxend[other] = p->ack + wide;
	e->acked[side] = p->ack;
	e->acked[other] = p->seq;
	e->maxwin[0] = e->maxwin[1] = 0xffff;
	e->sides[0] = e->sides[1] = PC_LOOSE_SCALE;
	if (p->tcp_flags & PC_TCP_FIN)
		e->sides[side] |= PC_SIDE_FIN;
}

/* RFC 5961, seen from the middle: a reset counts if its number is exactly the next one of its
 * sender, or the one that the other side is waiting for. Somebody who does not see the connection
 * has to guess 32 bits.
 */
static __always_inline enum pc_tcp_answer pc_tcp_reset(const struct pc_flow_entry *e, __u32 side,
						       const struct pc_packet *p, __u8 *state)
{
	__u32 other = !side;

	side &= 1;
	if (*state == PC_FLOW_TCP_SYN_SENT) {
		if (side == PC_WHERE_ORIGIN(e->where)) {
			/* The answer to an ACK out of the blue (RFC 9293, 3.5.1): the SYN comes
			 * again after it.
			 */
			if (p->seq == e->end[side])
				*state = PC_FLOW_TCP_CLOSED;
			return PC_TCP_IDLE;
		}
		if (!(p->tcp_flags & PC_TCP_ACK) || p->ack != e->end[other])
			return PC_TCP_BAD;
	} else if (!e->maxwin[0] || !e->maxwin[1] ||
		   (p->seq != e->end[side] && p->seq != e->acked[other])) {
		return PC_TCP_BAD; /* a side without a window never spoke */
	}
	*state = PC_FLOW_TCP_CLOSED;
	return PC_TCP_GOOD;
}

static __always_inline enum pc_tcp_answer pc_tcp_syn(struct pc_flow_entry *e, __u32 side,
						     const struct pc_packet *p, __u8 *state)
{
	if (*state == PC_FLOW_TCP_TIME_WAIT || *state == PC_FLOW_TCP_CLOSED)
		return PC_TCP_AGAIN;
	if (*state != PC_FLOW_TCP_SYN_SENT)
		return PC_TCP_APART;
	if (side == PC_WHERE_ORIGIN(e->where)) {
		pc_tcp_open(e, side, p);
	} else {
		/* Both at once (RFC 9293, 3.5). */
		pc_tcp_introduce(e, side, p);
		pc_tcp_agree(e);
		e->acked[side] = e->end[PC_WHERE_ORIGIN(e->where)] - 1;
		e->acked[PC_WHERE_ORIGIN(e->where)] = p->seq;
		*state = PC_FLOW_TCP_SYN_RECEIVED;
	}
	return PC_TCP_GOOD;
}

static __always_inline enum pc_tcp_answer pc_tcp_syn_ack(struct pc_flow_entry *e, __u32 side,
							 const struct pc_packet *p, __u8 *state)
{
	__u32 other = !side, limit;

	side &= 1;
	/* Data in a SYN (RFC 7413) may be left for later: then less than all is acknowledged. */
	if (side == PC_WHERE_ORIGIN(e->where) ||
	    e->end[other] - p->ack > e->end[other] - e->acked[other])
		return PC_TCP_BAD;
	pc_tcp_introduce(e, side, p);
	pc_tcp_agree(e);
	e->acked[other] = p->seq;
	limit = p->ack + (p->window ? p->window : 1);
	e->maxend[other] = limit;
	e->maxend[side] = e->end[side] + ((__u32)e->maxwin[other] << pc_tcp_scale(e, other));
	*state = PC_FLOW_TCP_SYN_RECEIVED;
	return PC_TCP_GOOD;
}

/* Van Rooij's four bounds: not beyond the window, not before it, nothing acknowledged that was not
 * sent, nor anything too long ago.
 */
static __always_inline bool pc_tcp_in_window(const struct pc_flow_entry *e, __u32 side,
					     const struct pc_packet *p)
{
	__u32 other = !side, own, others;

	side &= 1;
	own = (__u32)e->maxwin[side] << pc_tcp_scale(e, side);
	others = (__u32)e->maxwin[other] << pc_tcp_scale(e, other);
	/* A side without a window never spoke. */
	if (!own || !others)
		return false;
	if (own < PC_TCP_BEHIND)
		own = PC_TCP_BEHIND;
	return !pc_tcp_after(p->seq, e->maxend[side]) &&
	       !pc_tcp_after(e->end[side] - others, pc_tcp_end(p)) &&
	       !pc_tcp_after(p->ack, e->end[other]) && !pc_tcp_after(e->end[other] - own, p->ack);
}

static __always_inline void pc_tcp_advance(struct pc_flow_entry *e, __u32 side,
					   const struct pc_packet *p)
{
	__u32 other = !side, window = p->window, limit;

	side &= 1;
	if (e->maxwin[side] < window)
		e->maxwin[side] = (__u16)window;
	if (!(p->tcp_flags & PC_TCP_SYN))
		window <<= pc_tcp_scale(e, side);
	limit = p->ack + (window ? window : 1);
	if (pc_tcp_after(pc_tcp_end(p), e->end[side]))
		e->end[side] = pc_tcp_end(p);
	if (pc_tcp_after(limit, e->maxend[other]))
		e->maxend[other] = limit;
	if (pc_tcp_after(p->ack, e->acked[side]))
		e->acked[side] = p->ack;
}

/* The next segment, sent by `side`. Changes the entry's numbers, and `state`, which the caller
 * stores.
 */
static __always_inline enum pc_tcp_answer pc_tcp_follow(struct pc_flow_entry *e, __u32 side,
							const struct pc_packet *p, __u8 *state)
{
	__u8 flags = p->tcp_flags;

	side &= 1;
	if (pc_tcp_begins(p))
		return pc_tcp_syn(e, side, p, state);
	if (flags & PC_TCP_RST)
		return flags & (PC_TCP_SYN | PC_TCP_FIN) ? PC_TCP_BAD
							 : pc_tcp_reset(e, side, p, state);
	if (!(flags & PC_TCP_ACK) ||
	    (flags & (PC_TCP_SYN | PC_TCP_FIN)) == (PC_TCP_SYN | PC_TCP_FIN))
		return PC_TCP_BAD;
	if (*state == PC_FLOW_TCP_SYN_SENT) {
		if (flags & PC_TCP_SYN)
			return pc_tcp_syn_ack(e, side, p, state);
		/* RFC 5961: what an old connection of these ports answers to the new SYN. */
		return side == PC_WHERE_ORIGIN(e->where) ? PC_TCP_BAD : PC_TCP_IDLE;
	}
	if (!pc_tcp_in_window(e, side, p))
		return PC_TCP_BAD;
	if (*state == PC_FLOW_TCP_CLOSED)
		return PC_TCP_IDLE;
	pc_tcp_advance(e, side, p);
	if (*state == PC_FLOW_TCP_SYN_RECEIVED && !(flags & PC_TCP_SYN) &&
	    side == PC_WHERE_ORIGIN(e->where))
		*state = PC_FLOW_TCP_ESTABLISHED;
	if (flags & PC_TCP_FIN) {
		e->sides[side] |= PC_SIDE_FIN;
		*state =
			e->sides[!side] & PC_SIDE_FIN ? PC_FLOW_TCP_TIME_WAIT : PC_FLOW_TCP_CLOSING;
	}
	return PC_TCP_GOOD;
}
