/* What a native conference does for one member: its packets in, its store, its row in the sum, its packets out. Without sockets and
 * Python, so that it is fuzzed by itself (tests/fuzz/native). The rules are those of modules/bridges/softmix, the same to the sample.
 *
 * As the relay it knows one case only: the next packet in order of a known source and type, and a stream that is sent without a
 * pause. Whatever else comes is left to the loop.
 */

#ifndef GLOBSTAR_CONFERENCE_H
#define GLOBSTAR_CONFERENCE_H

#include "../dsp/_mixing.h"
#include "_relay.h"

enum {
    SEAT_AHEAD = 10,     /* steps that a member may be ahead of the mix; older audio goes */
    SEAT_PATIENCE = 100, /* a member that was a step or more ahead for so many steps is brought nearer */
};

/* As proto.rtp.sender: after a pause longer than this the timestamps have to be moved on (seconds). */
#define SEAT_RESYNC 0.12

typedef enum { SEAT_SILENT, SEAT_BEGAN, SEAT_ENDED } seat_talk;

typedef struct {
    relay_path path;         /* the receiving side; `table` sends on only the type that is mixed */
    mix_law reads, writes;
    int swaps_in, swaps_out; /* linear samples are in network order on the wire (RFC 3551 section 4.5.11) */
    int samples;             /* of a step */
    /* what waits to be mixed */
    uint8_t *store;          /* room for SEAT_AHEAD steps and a datagram */
    int size;                /* octets of a step */
    int held;
    int least, steps;        /* steps ahead at the least in the last `steps` */
    int64_t dropped;         /* octets */
    /* what it gives and hears */
    int is_muted, is_deaf, detects, drops_silence, is_talking;
    int threshold, silence_ms, quiet_ms, interval_ms;
    float gain_in, gain_out;
    int has_row;
    int16_t *row;
    /* the sending side, as proto.rtp.sender has it */
    int may_send;            /* the stream runs: no marker is due, and it has begun */
    uint8_t type;
    uint16_t sequence;
    uint32_t ssrc, rtp_time, last_rtp_time;
    double last_time;
    int64_t packets, octets, not_sent;
} seat;

static inline int seat_room(int size) {
    return SEAT_AHEAD * size + RELAY_DATAGRAM;
}

static inline void seat_swap(uint8_t *data, int size) {
    int place;
    for (place = 0; place + 1 < size; place += 2) {
        uint8_t first = data[place];
        data[place] = data[place + 1];
        data[place + 1] = first;
    }
}

/* Octets of the front of the store go. */
static inline void seat_shift(seat *own, int octets) {
    own->held -= octets;
    memmove(own->store, own->store + octets, (size_t)own->held);
}

/* Put voice of at most RELAY_DATAGRAM octets into the store; what is more than SEAT_AHEAD steps ahead goes, the oldest first. */
static inline void seat_store(seat *own, const uint8_t *data, int size) {
    int surplus;
    memcpy(own->store + own->held, data, (size_t)size);
    own->held += size;
    surplus = own->held - SEAT_AHEAD * own->size;
    if (surplus > 0) {
        surplus += (own->size - surplus % own->size) % own->size;
        own->dropped += surplus;
        seat_shift(own, surplus < own->held ? surplus : own->held);
    }
}

/* Take a datagram: RELAY_PARK leaves it untouched to the loop, RELAY_DROP refuses it, RELAY_SEND means that it was stored. */
static inline relay_verdict seat_take(seat *own, uint8_t *packet, int *size, double now) {
    relay_path *path = &own->path;
    if (!relay_is_plain(path, packet, *size))
        return RELAY_PARK;
    if (path->opens && (relay_open(path->opens, packet, size) || *size < RELAY_HEADER))
        return RELAY_DROP;
    relay_count(path, packet, *size, now);
    if (!own->is_muted) {
        if (own->swaps_in)
            seat_swap(packet + RELAY_HEADER, *size - RELAY_HEADER);
        seat_store(own, packet + RELAY_HEADER, *size - RELAY_HEADER);
    }
    return RELAY_SEND;
}

/* Whether talking begins or ends with a step of this level. */
static inline seat_talk seat_judge(seat *own, int level) {
    if (level >= own->threshold) {
        own->quiet_ms = 0;
        if (!own->is_talking) {
            own->is_talking = 1;
            return SEAT_BEGAN;
        }
    } else if (own->is_talking) {
        own->quiet_ms += own->interval_ms;
        if (own->quiet_ms >= own->silence_ms) {
            own->is_talking = 0;
            return SEAT_ENDED;
        }
    }
    return SEAT_SILENT;
}

/* Whether a whole step waits, at the front of the store; how far a member is ahead is looked at on the way. */
static inline int seat_has_block(seat *own) {
    int ahead = own->held / own->size - 1;
    if (ahead < 0) {
        own->least = 0;
        return 0;
    }
    if (ahead < own->least)
        own->least = ahead;
    if (++own->steps >= SEAT_PATIENCE) {
        if (own->least >= 1) {
            own->dropped += own->size;
            seat_shift(own, own->size);
        }
        own->steps = 0;
        own->least = SEAT_AHEAD;
    }
    return 1;
}

/* One step: the member's row, if it says something that is mixed, is added to the sum of `samples`. */
static inline seat_talk seat_step(seat *own, int32_t *total) {
    seat_talk told = SEAT_SILENT;
    own->has_row = 0;
    if (own->is_muted || !seat_has_block(own)) {
        if (own->is_muted)
            own->least = 0;
        return own->detects ? seat_judge(own, 0) : SEAT_SILENT;
    }
    mix_decode(own->reads, own->store, own->row, (size_t)own->samples);
    seat_shift(own, own->size);
    if (own->gain_in != 1.0f)
        mix_scale(own->row, own->gain_in, own->row, (size_t)own->samples);
    if (own->detects) {
        told = seat_judge(own, mix_level(own->row, (size_t)own->samples));
        if (own->drops_silence && !own->is_talking)
            return told;
    }
    own->has_row = 1;
    mix_add(own->row, total, (size_t)own->samples);
    return told;
}

/* Whether the member hears what all who say nothing hear. */
static inline int seat_shares(const seat *own) {
    return !own->has_row && !own->is_deaf && own->gain_out == 1.0f;
}

static inline int seat_octets(const seat *own) {
    return (int)mix_octets(own->writes, (size_t)own->samples);
}

/* What the member hears of a sum, as a payload of seat_octets. */
static inline void seat_hear(const seat *own, const int32_t *total, uint8_t *payload) {
    int place;
    if (own->is_deaf || own->gain_out != 1.0f) {
        for (place = 0; place < own->samples; place++) {
            double value = 0;
            if (!own->is_deaf)
                value = rint((double)(total[place] - (own->has_row ? own->row[place] : 0)) * (double)own->gain_out);
            mix_encode_one(own->writes, value >= 32767 ? 32767 : value > -32768 ? (int32_t)value : -32768, payload, (size_t)place);
        }
    } else if (own->has_row) {
        mix_encode_others(own->writes, total, own->row, payload, (size_t)own->samples);
    } else {
        mix_encode(own->writes, total, payload, (size_t)own->samples);
    }
}

/* Whether the next packet is just the next one of its stream. */
static inline int seat_is_regular(const seat *own, double now) {
    return own->may_send && now - own->last_time <= SEAT_RESYNC;
}

/* The header before a payload of `octets`, which is counted as sent. */
static inline void seat_head(seat *own, uint8_t *packet, int octets, double now) {
    packet[0] = 0x80;
    packet[1] = own->type;
    packet[2] = (uint8_t)(own->sequence >> 8);
    packet[3] = (uint8_t)own->sequence;
    relay_put(packet + 4, own->rtp_time);
    relay_put(packet + 8, own->ssrc);
    own->sequence++;
    own->last_rtp_time = own->rtp_time;
    own->rtp_time += (uint32_t)own->samples;
    own->packets++;
    own->octets += octets;
    own->last_time = now;
}

#endif
