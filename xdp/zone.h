/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which zone a frame belongs to, by interface and VLAN. */
#pragma once

#include "xdp/maps.h"

/* NULL: the index is larger than any that can be attached. */
static __always_inline const struct pc_iface *pc_iface_of(__u32 generation, __u32 ifindex)
{
	__u32 key = generation * PC_IFINDEX_MAX + ifindex;

	if (ifindex >= PC_IFINDEX_MAX)
		return NULL;
	return bpf_map_lookup_elem(&ifaces, &key);
}

/* The zone of a frame with this outermost VLAN id (PC_VLAN_NONE: untagged); 0: in no zone. */
static __always_inline __u8 pc_zone_of(__u32 generation, __u32 ifindex, __u32 vlan)
{
	const struct pc_iface *iface = pc_iface_of(generation, ifindex);
	const struct pc_vlan_zones *zones;
	__u32 key;

	if (!iface)
		return 0;
	if (!iface->vlan_table)
		return iface->zone % PC_ZONES_MAX;
	key = generation * PC_VLAN_TABLES_MAX + iface->vlan_table;
	zones = bpf_map_lookup_elem(&vlan_zones, &key);
	if (!zones)
		return 0;
	if (vlan >= PC_VLAN_NONE)
		return zones->zone[PC_VLAN_NONE] % PC_ZONES_MAX;
	/* Kernel 6.1's verifier forgets the comparison when the value comes back from the stack;
	 * the mask, which the compiler must not see to be idle, it believes.
	 */
	asm volatile("" : "+r"(vlan));
	return zones->zone[vlan & (PC_VLAN_NONE - 1)] % PC_ZONES_MAX;
}
