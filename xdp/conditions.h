/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does a packet meet all the conditions of one rule? Asked only for rules that name more than an
 * entry's key says. Fields that the packet does not have are 0 in it, and a record that does not
 * name them takes 0.
 */
#pragma once

#include "xdp/query.h"

/* The steps of a binary search in a list of MAC addresses. */
#define PC_MAC_STEPS 13

struct pc_asked {
	const void *arena;
	const struct pc_query *query;
	const struct pc_generation *generation;
	const struct pc_record *record;
};

static __always_inline bool pc_prefix_holds(const __be32 *addr, const __be32 *prefix,
					    const __be32 *mask)
{
	return !(((addr[0] ^ prefix[0]) & mask[0]) | ((addr[1] ^ prefix[1]) & mask[1]) |
		 ((addr[2] ^ prefix[2]) & mask[2]) | ((addr[3] ^ prefix[3]) & mask[3]));
}

/* Membership stands behind the tuples in the row of the address, and is exact there. */
static __always_inline bool pc_list_holds(const struct pc_asked *asked, enum pc_row row, __u32 list)
{
	const struct pc_query *query = asked->query;
	__u64 word = query->words + list / 64;

	return pc_u64_at(asked->arena, query->rows[row] + word * 8) >> (list % 64) & 1;
}

static __always_inline bool pc_number_holds(const struct pc_asked *asked, __u32 set, __u16 low,
					    __u16 high, __u16 number)
{
	__u64 place = asked->generation->number_sets;

	if (!set)
		return number >= low && number <= high;
	place += asked->query->base + (__u64)set * sizeof(struct pc_number_set) + number / 64 * 8;
	return pc_u64_at(asked->arena, place) >> (number % 64) & 1;
}

static __always_inline bool pc_byte_holds(const struct pc_asked *asked, __u32 set, __u8 byte)
{
	__u64 place = asked->generation->byte_sets;

	if (!set)
		return true;
	place += asked->query->base + (__u64)set * sizeof(struct pc_byte_set) + byte / 64 * 8;
	return pc_u64_at(asked->arena, place) >> (byte % 64) & 1;
}

static __always_inline bool pc_mac_listed(const struct pc_asked *asked)
{
	const __u8 *smac = asked->query->packet.smac;
	const struct pc_mac_list *list;
	__u64 mac = 0, at, count;
	int i;

	for (i = 0; i < 6; i++)
		mac = mac << 8 | smac[i];
	list = pc_at_offset(asked->arena, asked->query->base + asked->generation->mac_lists +
						  (__u64)asked->record->mac_set * sizeof(*list));
	at = asked->query->base + list->macs;
	count = list->count;
	if (!count)
		return false;
#pragma clang loop unroll(disable)
	for (i = 0; i < PC_MAC_STEPS && count > 1; i++) {
		__u64 half = count >> 1;

		if (pc_u64_at(asked->arena, at + half * 8) <= mac)
			at += half * 8;
		count -= half;
	}
	return pc_u64_at(asked->arena, at) == mac;
}

static __always_inline bool pc_addresses_hold(const struct pc_asked *asked)
{
	const struct pc_packet *packet = &asked->query->packet;
	const struct pc_record *record = asked->record;

	if (record->saddr_set ? !pc_list_holds(asked, PC_ROW_SRC, record->saddr_set)
			      : !pc_prefix_holds(packet->saddr, record->saddr, record->smask))
		return false;
	return record->daddr_set ? pc_list_holds(asked, PC_ROW_DST, record->daddr_set)
				 : pc_prefix_holds(packet->daddr, record->daddr, record->dmask);
}

static __always_inline bool pc_numbers_hold(const struct pc_asked *asked)
{
	const struct pc_packet *packet = &asked->query->packet;
	const struct pc_record *r = asked->record;

	return pc_number_holds(asked, r->dport_set, r->dport.low, r->dport.high, packet->dport) &&
	       pc_number_holds(asked, r->sport_set, r->sport.low, r->sport.high, packet->sport) &&
	       pc_byte_holds(asked, r->proto_set, packet->proto) &&
	       pc_byte_holds(asked, r->tcp_flags_set, packet->tcp_flags) &&
	       pc_byte_holds(asked, r->icmp_type_set, packet->icmp_type) &&
	       pc_byte_holds(asked, r->icmp_code_set, packet->icmp_code) &&
	       pc_number_holds(asked, r->len_set, r->len.low, r->len.high, packet->len) &&
	       pc_number_holds(asked, r->vlan_set, r->vlan.low, r->vlan.high, packet->vlan) &&
	       pc_byte_holds(asked, r->ttl_set, packet->ttl);
}

static __always_inline const struct pc_record *pc_record_at(const void *arena,
							    const struct pc_query *query,
							    const struct pc_generation *generation,
							    __u32 rule)
{
	return pc_at_offset(arena, query->base + generation->record_table +
					   (__u64)PC_RULE_RECORD(rule) * sizeof(struct pc_record));
}

/* 1: the rule of this word matches the packet. */
PC_SUBPROGRAM int pc_rule_holds(struct pc_query *query, __u32 rule)
{
	struct pc_asked asked = { .arena = pc_arena(), .query = query };
	const struct pc_record *record;

	if (!query)
		return 0;
	asked.generation = pc_generation_of(query);
	if (!asked.arena || !asked.generation)
		return 0;
	record = asked.record = pc_record_at(asked.arena, query, asked.generation, rule);
	if (record->birth > query->epoch || record->death <= query->epoch)
		return 0;
	if ((record->flags & query->lacks) || (query->needs & ~record->flags))
		return 0;
	if (!(record->families & query->family_bit) || !(record->frags & query->packet.frag) ||
	    !(record->states & query->state_bit))
		return 0;
	if (!(record->in_zones & query->in_bit) || !(record->out_zones & query->out_bits) ||
	    !(record->dscp & query->dscp_bit))
		return 0;
	if (!pc_addresses_hold(&asked) || !pc_numbers_hold(&asked))
		return 0;
	return !record->mac_set || pc_mac_listed(&asked) == !(record->flags & PC_MAC_NEGATED);
}
