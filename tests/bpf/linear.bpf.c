// SPDX-License-Identifier: GPL-2.0-or-later
/* The slowest clear way to classify a frame in the kernel: one rule after the other, each with its
 * own conditions. A witness for the classifier: it shares the parser and the plan's records with
 * it, and nothing else.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "tests/bpf/linear.h"
#include "xdp/parse.h"

const char pc_license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pc_linear_question);
} question SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pc_linear_answer);
} answer SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PC_LINEAR_RULES_MAX);
	__type(key, __u32);
	__type(value, struct pc_record);
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PC_LINEAR_NUMBERS_MAX);
	__type(key, __u32);
	__type(value, struct pc_number_set);
} numbers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PC_LINEAR_BYTES_MAX);
	__type(key, __u32);
	__type(value, struct pc_byte_set);
} bytes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 18);
	__type(key, struct pc_linear_addr_key);
	__type(value, struct pc_linear_lists);
} lists SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PC_MACS_MAX);
	__type(key, struct pc_linear_mac_key);
	__type(value, __u8);
} macs SEC(".maps");

/* Not on the stack: the verifier would follow what it knows of it down the loop. */
struct pc_asking {
	struct pc_linear_question given;
	__u64 dscp_bit;
	__u32 family_bit;
	__u32 lacks;
	struct pc_packet packet;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pc_asking);
} scratch SEC(".maps");

static __always_inline bool pc_is_in(const struct pc_packet *packet, const __be32 *addr, __u32 list)
{
	struct pc_linear_addr_key key = { .prefixlen = 160 };
	const struct pc_linear_lists *found;

	key.family = bpf_htonl(packet->family);
	__builtin_memcpy(key.addr, addr, sizeof(key.addr));
	found = bpf_map_lookup_elem(&lists, &key);
	return found && found->bits[list / 64 % (PC_LINEAR_LISTS_MAX / 64)] >> (list % 64) & 1;
}

static __always_inline bool pc_is_under(const __be32 *addr, const __be32 *prefix,
					const __be32 *mask)
{
	return !(((addr[0] ^ prefix[0]) & mask[0]) | ((addr[1] ^ prefix[1]) & mask[1]) |
		 ((addr[2] ^ prefix[2]) & mask[2]) | ((addr[3] ^ prefix[3]) & mask[3]));
}

static __always_inline bool pc_has_number(__u32 set, __u16 low, __u16 high, __u16 number)
{
	const struct pc_number_set *found;

	if (!set)
		return number >= low && number <= high;
	found = bpf_map_lookup_elem(&numbers, &set);
	return found && found->bits[number / 64] >> (number % 64) & 1;
}

static __always_inline bool pc_has_byte(__u32 set, __u8 byte)
{
	const struct pc_byte_set *found;

	if (!set)
		return true;
	found = bpf_map_lookup_elem(&bytes, &set);
	return found && found->bits[byte / 64] >> (byte % 64) & 1;
}

static __always_inline bool pc_has_mac(const struct pc_record *record, const __u8 *mac)
{
	struct pc_linear_mac_key key = { .set = record->mac_set };

	if (!record->mac_set)
		return true;
	__builtin_memcpy(key.addr, mac, sizeof(key.addr));
	return !bpf_map_lookup_elem(&macs, &key) == !!(record->flags & PC_MAC_NEGATED);
}

static __always_inline bool pc_asks_for(const struct pc_asking *asking,
					const struct pc_record *record)
{
	const struct pc_packet *packet = &asking->packet;

	if (record->flags & asking->lacks)
		return false;
	/* No flow is known here: each packet is new. */
	if (!(record->families & asking->family_bit) || !(record->frags & packet->frag) ||
	    !(record->states & PC_STATE_NEW))
		return false;
	if (!(record->in_zones & asking->given.in_bit) ||
	    !(record->out_zones & asking->given.out_bits) || !(record->dscp & asking->dscp_bit))
		return false;
	if (record->saddr_set ? !pc_is_in(packet, packet->saddr, record->saddr_set)
			      : !pc_is_under(packet->saddr, record->saddr, record->smask))
		return false;
	if (record->daddr_set ? !pc_is_in(packet, packet->daddr, record->daddr_set)
			      : !pc_is_under(packet->daddr, record->daddr, record->dmask))
		return false;
	return pc_has_number(record->sport_set, record->sport.low, record->sport.high,
			     packet->sport) &&
	       pc_has_number(record->dport_set, record->dport.low, record->dport.high,
			     packet->dport) &&
	       pc_has_number(record->len_set, record->len.low, record->len.high, packet->len) &&
	       pc_has_number(record->vlan_set, record->vlan.low, record->vlan.high, packet->vlan) &&
	       pc_has_byte(record->proto_set, packet->proto) &&
	       pc_has_byte(record->ttl_set, packet->ttl) &&
	       pc_has_byte(record->icmp_type_set, packet->icmp_type) &&
	       pc_has_byte(record->icmp_code_set, packet->icmp_code) &&
	       pc_has_byte(record->tcp_flags_set, packet->tcp_flags) &&
	       pc_has_mac(record, packet->smac);
}

static long pc_ask(__u32 index, void *context)
{
	__u32 zero = 0;
	const struct pc_asking *asking = bpf_map_lookup_elem(&scratch, &zero);
	const struct pc_record *record = bpf_map_lookup_elem(&records, &index);
	struct pc_linear_answer *to = bpf_map_lookup_elem(&answer, &zero);

	(void)context;
	if (!asking || !record || !to || to->count >= PC_LINEAR_MATCHES_MAX)
		return 1;
	if (!pc_asks_for(asking, record))
		return 0;
	to->rules[to->count % PC_LINEAR_MATCHES_MAX] = record->rule_id;
	to->count++;
	return record->action < PC_ACTION_MARK;
}

SEC("xdp")
int pc_linear(struct xdp_md *ctx)
{
	struct pc_cursor cursor = {
		.data = (void *)(long)ctx->data,
		.data_end = (void *)(long)ctx->data_end,
		.len = (__u32)(ctx->data_end - ctx->data),
		.tag = PC_NO_TAG,
	};
	__u32 zero = 0;
	struct pc_asking *asking = bpf_map_lookup_elem(&scratch, &zero);
	const struct pc_linear_question *given = bpf_map_lookup_elem(&question, &zero);
	struct pc_linear_answer *to = bpf_map_lookup_elem(&answer, &zero);

	if (!asking || !given || !to)
		return XDP_ABORTED;
	__builtin_memset(asking, 0, sizeof(*asking));
	to->count = 0;
	to->parsed = pc_parse(&cursor, &asking->packet);
	if (!to->parsed)
		return XDP_PASS;
	asking->given = *given;
	asking->dscp_bit = 1ULL << (asking->packet.dscp % 64);
	asking->family_bit = asking->packet.family == 4 ? PC_IPV4 : PC_IPV6;
	asking->lacks =
		~asking->packet.flags & (PC_PKT_HAS_PORTS | PC_PKT_HAS_ICMP | PC_PKT_HAS_TCP_FLAGS);
	bpf_loop(given->records, pc_ask, NULL, 0);
	return XDP_PASS;
}
