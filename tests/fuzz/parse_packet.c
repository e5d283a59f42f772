// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as a frame. The parser must not read outside of them, and what it says must hold:
// offsets lie within the packet, the packet within the frame, and each flag stands for bytes that
// are there.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "xdp/parse.h"

// assert() may be compiled out.
static void must(bool holds) {
    if (!holds) {
        abort();
    }
}

static void check_refused(const struct pc_packet* p) {
    must(p->reason > PC_REASON_NONE);
    must(p->reason < PC_REASON_END);
    must(!pc_is_non_ip(p) || p->family == 0);
    must(p->flags == 0 || p->flags == PC_PKT_PPPOE);
}

static void check_flags(const struct pc_cursor* c, const struct pc_packet* p) {
    const uint8_t* l4 = (const uint8_t*)c->data + p->l4_off;
    const uint32_t linear = (uint32_t)((const uint8_t*)c->data_end - (const uint8_t*)c->data);
    const uint32_t kinds = p->flags & (PC_PKT_HAS_PORTS | PC_PKT_HAS_ICMP | PC_PKT_HAS_TCP_FLAGS);

    if (kinds == 0) {
        must(p->sport == 0 && p->dport == 0 && p->tcp_flags == 0);
        must(p->icmp_type == 0 && p->icmp_code == 0);
        return;
    }
    must(p->frag != PC_FRAG_LATER);
    must(p->l4_off + 8U <= linear);
    if (kinds & PC_PKT_HAS_ICMP) {
        must(kinds == PC_PKT_HAS_ICMP);
        must(p->proto == (p->family == 4 ? 1 : 58));
        must(p->icmp_type == l4[0] && p->icmp_code == l4[1]);
        return;
    }
    must(p->sport == (l4[0] << 8 | l4[1]) && p->dport == (l4[2] << 8 | l4[3]));
    if (kinds & PC_PKT_HAS_TCP_FLAGS) {
        must(p->proto == 6);
        must(p->l4_off + 20U <= linear);
        must(p->tcp_flags == l4[13]);
    }
}

static void check_accepted(const struct pc_cursor* c, const struct pc_packet* p) {
    must(p->family == 4 || p->family == 6);
    must(p->l3_off >= 14 && p->l3_off <= 30);
    must(((const uint8_t*)c->data)[p->l3_off] >> 4 == p->family);
    must(p->l4_off >= p->l3_off + (p->family == 4 ? 20 : 40));
    // A segmentation packet of the stack has a length that the field cannot say.
    must(c->len > 0xffff || p->l3_off + p->len <= c->len);
    must(p->l4_off <= p->l3_off + p->len);
    must(p->vlan >= 1 && p->vlan <= PC_VLAN_NONE);
    must(p->dscp < 64);
    must(p->frag == PC_FRAG_NONE || p->frag == PC_FRAG_FIRST || p->frag == PC_FRAG_LATER);
    if (p->family == 4) {
        must((p->saddr[1] | p->saddr[2] | p->saddr[3]) == 0);
        must((p->daddr[1] | p->daddr[2] | p->daddr[3]) == 0);
    }
    check_flags(c, p);
}

#ifdef __cplusplus
extern "C"
#endif
    int
    LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
    struct pc_cursor cursor;
    struct pc_packet packet;
    uint8_t* frame;

    if (size < 4) {
        return 0;
    }
    // Of exactly the size of the frame, so that the sanitizer sees a read behind it.
    frame = (uint8_t*)malloc(size - 4);
    memcpy(frame, input + 4, size - 4);
    cursor.data = frame;
    cursor.data_end = frame + size - 4;
    // An skb may hold more than its linear part.
    cursor.len = (uint32_t)(size - 4) + (input[0] & 1 ? (uint32_t)input[1] << 9 : 0);
    cursor.tag = input[0] & 2 ? (uint32_t)(input[2] << 8 | input[3]) : PC_NO_TAG;
    memset(&packet, 0xaa, sizeof(packet));
    if (pc_parse(&cursor, &packet)) {
        check_accepted(&cursor, &packet);
    } else {
        check_refused(&packet);
    }
    free(frame);
    return 0;
}
