/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The classifier: which rule comes first of those that a packet matches. This one asks rule after
 * rule, so its cost grows with the rule set. Another one may take its place if it answers
 * pc_first_match() the same way: what a rule does, what is counted and when `out` is found out is
 * walk.h's business.
 */
#pragma once

#include <stdbool.h>

#include "xdp/maps.h"
#include "xdp/parse.h"

/* What is asked, and the answer. It lives in a map of one entry a CPU, not on the stack: what the
 * verifier knows of each field on the stack would make it follow each way through the parser down
 * the loop.
 */
struct pc_query {
	struct pc_packet packet;
	__u32 generation; /* slot */
	__u64 in_bit;	  /* bit z of the zone it came from, bit 0: of the router's own packets */
	__u64 out_bits;	  /* bit z of the zone it leaves by, bit 0: of none; all bits: not known */
	__u64 dscp_bit;
	__u32 records; /* how many the generation has */
	__u32 from;    /* the first position to ask */
	__u32 found;   /* the answer; `records`: none */
	__u16 lacks;   /* PC_NEEDS_*: a rule with one of these flags does not match */
	__u8 needs;    /* PC_AT_TC: ask only rules with this flag */
	__u8 family_bit;
	/* Set only if the generation's flags say that a rule asks. */
	struct pc_addr_sets src_sets, dst_sets;
};

_Static_assert((int)PC_PKT_HAS_PORTS == PC_NEEDS_PORTS, "lacks is computed from pc_packet.flags");
_Static_assert((int)PC_PKT_HAS_ICMP == PC_NEEDS_ICMP, "as above");
_Static_assert((int)PC_PKT_HAS_TCP_FLAGS == PC_NEEDS_TCP_FLAGS, "as above");

static __always_inline const struct pc_record *pc_record_at(__u32 generation, __u32 position)
{
	__u32 key = generation * PC_RECORDS_MAX + position;

	return bpf_map_lookup_elem(&records, &key);
}

static __always_inline bool pc_prefix_holds(const __be32 *addr, const __be32 *prefix,
					    const __be32 *mask)
{
	/* An IPv4 prefix has no more than word 0, and most rules fail there. */
	if ((addr[0] ^ prefix[0]) & mask[0])
		return false;
	return !(((addr[1] ^ prefix[1]) & mask[1]) | ((addr[2] ^ prefix[2]) & mask[2]) |
		 ((addr[3] ^ prefix[3]) & mask[3]));
}

static __always_inline bool pc_list_holds(const struct pc_addr_sets *sets, __u32 list)
{
	return sets->bits[(list / 64) % (PC_ADDR_SETS_MAX / 64)] >> (list % 64) & 1;
}

static __always_inline bool pc_number_holds(__u32 generation, __u32 set, __u16 low, __u16 high,
					    __u16 number)
{
	__u32 key = generation * PC_NUMBER_SETS_MAX + set;
	const struct pc_number_set *numbers;

	if (!set)
		return number >= low && number <= high;
	numbers = bpf_map_lookup_elem(&number_sets, &key);
	return numbers && numbers->bits[number / 64] >> (number % 64) & 1;
}

static __always_inline bool pc_byte_holds(__u32 generation, __u32 set, __u8 byte)
{
	__u32 key = generation * PC_BYTE_SETS_MAX + set;
	const struct pc_byte_set *bytes;

	if (!set)
		return true;
	bytes = bpf_map_lookup_elem(&byte_sets, &key);
	return bytes && bytes->bits[byte / 64] >> (byte % 64) & 1;
}

static __always_inline bool pc_mac_holds(__u32 generation, const struct pc_record *record,
					 const __u8 *mac)
{
	struct pc_mac_key key = { .set = record->mac_set };
	void *list;

	if (!record->mac_set)
		return true;
	list = bpf_map_lookup_elem(&macs, &generation);
	if (!list)
		return false;
	__builtin_memcpy(key.addr, mac, sizeof(key.addr));
	return !bpf_map_lookup_elem(list, &key) == !!(record->flags & PC_MAC_NEGATED);
}

static __always_inline bool pc_addresses_hold(const struct pc_query *query,
					      const struct pc_record *record)
{
	const struct pc_packet *packet = &query->packet;

	if (record->saddr_set ? !pc_list_holds(&query->src_sets, record->saddr_set)
			      : !pc_prefix_holds(packet->saddr, record->saddr, record->smask))
		return false;
	return record->daddr_set ? pc_list_holds(&query->dst_sets, record->daddr_set)
				 : pc_prefix_holds(packet->daddr, record->daddr, record->dmask);
}

/* Fields that the packet does not have are 0 there, and a record that does not name them takes 0.
 */
static __always_inline bool pc_numbers_hold(const struct pc_query *query,
					    const struct pc_record *record)
{
	const struct pc_packet *packet = &query->packet;
	__u32 g = query->generation;

	/* Ports first: mostly they are in the record, and most rules fail there. */
	return pc_number_holds(g, record->dport_set, record->dport.low, record->dport.high,
			       packet->dport) &&
	       pc_number_holds(g, record->sport_set, record->sport.low, record->sport.high,
			       packet->sport) &&
	       pc_byte_holds(g, record->proto_set, packet->proto) &&
	       pc_byte_holds(g, record->tcp_flags_set, packet->tcp_flags) &&
	       pc_byte_holds(g, record->icmp_type_set, packet->icmp_type) &&
	       pc_byte_holds(g, record->icmp_code_set, packet->icmp_code) &&
	       pc_number_holds(g, record->len_set, record->len.low, record->len.high,
			       packet->len) &&
	       pc_number_holds(g, record->vlan_set, record->vlan.low, record->vlan.high,
			       packet->vlan) &&
	       pc_byte_holds(g, record->ttl_set, packet->ttl);
}

static __always_inline bool pc_record_matches(const struct pc_query *query,
					      const struct pc_record *record)
{
	if ((record->flags & query->lacks) || (query->needs & ~record->flags))
		return false;
	if (!(record->families & query->family_bit) || !(record->frags & query->packet.frag))
		return false;
	if (!(record->in_zones & query->in_bit) || !(record->out_zones & query->out_bits) ||
	    !(record->dscp & query->dscp_bit))
		return false;
	return pc_addresses_hold(query, record) && pc_numbers_hold(query, record) &&
	       pc_mac_holds(query->generation, record, query->packet.smac);
}

static long pc_ask_record(__u32 index, void *context)
{
	struct pc_query *query = *(struct pc_query **)context;
	const struct pc_record *record = pc_record_at(query->generation, query->from + index);

	if (record && !pc_record_matches(query, record))
		return 0;
	query->found = query->from + index;
	return 1;
}

/* Sets `found` to the position of the first rule at or after `from` that the packet matches. */
static __always_inline void pc_first_match(struct pc_query *query)
{
	query->found = query->records;
	if (query->from < query->records)
		bpf_loop(query->records - query->from, pc_ask_record, &query, 0);
}
