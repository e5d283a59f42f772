/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The next packet of a set of flows, into a frame that was made from frame_template(). It may have
 * been at a router since: what that changes is written anew.
 */
#pragma once

/* The kernel's types first, which libbpf's headers need. */
// clang-format off
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
// clang-format on

#include "tests/bench/flow_set.h"

#define BENCH_L4_SIZE 26
#define BENCH_TTL 64
#define BENCH_SERVER_PORT 443

/* What of a TCP or UDP header depends on the packet. The rest of the frame's template serves both:
 * a UDP length stands in the sequence number, a data offset in UDP's payload.
 */
struct bench_ports {
    __be16 source, dest;
    __u8 template[9];
    __u8 tcp_flags;
};

static __always_inline __be16 bench_ip_check(__u32 saddr, __u32 daddr, __u32 proto) {
    __u32 sum = 0x4500 + 20 + BENCH_L4_SIZE + (BENCH_TTL << 8 | proto) + (saddr >> 16) +
                (saddr & 0xffff) + (daddr >> 16) + (daddr & 0xffff);

    sum = (sum >> 16) + (sum & 0xffff);
    return bpf_htons((__u16) ~(sum + (sum >> 16)));
}

/* Clients have addresses of their own, as no two flows are to be one. */
static __always_inline struct bench_ports*
bench_write_ipv4(void* data, void* data_end, const struct bench_flow_set* set, __u32 flow) {
    __u32 client = 10U << 24 | ((flow * 0x9e3779b1U) & 0xffffff);
    __u32 server = 198U << 24 | 18U << 16 | (bench_mix(flow) & 0x1ffff);
    __u32 saddr = set->answers ? server : client, daddr = set->answers ? client : server;
    struct iphdr* ip = data + ETH_HLEN;

    if ((void*)(ip + 1) > data_end)
        return NULL;
    ip->saddr = bpf_htonl(saddr);
    ip->daddr = bpf_htonl(daddr);
    ip->ttl = BENCH_TTL;
    ip->protocol = (__u8)set->proto;
    ip->check = bench_ip_check(saddr, daddr, set->proto);
    return (void*)(ip + 1);
}

static __always_inline struct bench_ports*
bench_write_ipv6(void* data, void* data_end, const struct bench_flow_set* set, __u32 flow) {
    struct ipv6hdr* ip = data + ETH_HLEN;
    struct in6_addr *client, *server;

    if ((void*)(ip + 1) > data_end)
        return NULL;
    client = set->answers ? &ip->daddr : &ip->saddr;
    server = set->answers ? &ip->saddr : &ip->daddr;
    client->s6_addr32[0] = server->s6_addr32[0] = bpf_htonl(0x20010db8);
    client->s6_addr32[1] = bpf_htonl(1U << 16 | (flow & 0xffff));
    client->s6_addr32[2] = bpf_htonl(bench_mix(flow));
    client->s6_addr32[3] = bpf_htonl(flow);
    server->s6_addr32[1] = bpf_htonl(2U << 16);
    server->s6_addr32[2] = 0;
    server->s6_addr32[3] = bpf_htonl(bench_mix(flow) & 0x1ffff);
    ip->hop_limit = BENCH_TTL;
    ip->nexthdr = (__u8)set->proto;
    return (void*)(ip + 1);
}

static __always_inline bool bench_write_flow(struct xdp_md* ctx, const struct bench_flow_set* set,
                                             __u32 n) {
    void* data = (void*)(long)ctx->data;
    void* data_end = (void*)(long)ctx->data_end;
    __u32 flow = bench_flow_of(set, n);
    __u32 port = bench_mix(~flow) >> 16 | 1024;
    struct bench_ports* ports = set->family == 4 ? bench_write_ipv4(data, data_end, set, flow)
                                                 : bench_write_ipv6(data, data_end, set, flow);

    if (!ports || (void*)(ports + 1) > data_end)
        return false;
    ports->source = bpf_htons(set->answers ? BENCH_SERVER_PORT : port);
    ports->dest = bpf_htons(set->answers ? port : BENCH_SERVER_PORT);
    ports->tcp_flags = (__u8)set->tcp_flags;
    return true;
}
