/* What the native relay does with one packet of one path: everything but sockets, threads and Python, so that it can be fuzzed
 * by itself (tests/fuzz/native).
 *
 * It knows one case only: the next packet of a source, perhaps after some that are missing, of a payload type that is relayed.
 * Header extensions are not passed on. Whatever else comes - late, twice, of another source - is left
 * to the loop, as it came from the network (RELAY_PARK), so that every rule of RTP stands in one place, in Python.
 */

#ifndef GLOBSTAR_RELAY_H
#define GLOBSTAR_RELAY_H

#include "_feedback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum {
    RELAY_HEADER = 12,
    RELAY_DATAGRAM = 8192,             /* longest datagram, as in media.sockets */
    RELAY_ROOM = RELAY_DATAGRAM + 160, /* with what encryption adds, as the library reckons: tag, index, key identifier */
    RELAY_LEAD = 4,                    /* octets before a packet, for the header of ChannelData (RFC 8656 section 12.4) */
    RELAY_NOT_RELAYED = 0xC8,          /* as in media.relay */
    RELAY_DROPOUT = 3000,              /* as in proto.rtp.receiver: packets that may be missing, less one, and those remembered */
    RELAY_HISTORY = 64,
    RELAY_NAME = 16,                   /* octets of a stream's name in a bundle */
    RELAY_MAX_STEP = 5,                /* as in proto.rtp.receiver: seconds by which delays differ that are jitter */
    RELAY_DIGIT = 8,                   /* octets of a telephone-event that are reported; an event has four */
};

/* A function of libsrtp: protects or unprotects a packet in place and changes its size; 0 or a status. */
typedef int (*relay_transform)(void *session, void *packet, int *size);
enum { RELAY_REPLAYED = 9, RELAY_REPLAYED_OLD = 10 }; /* statuses: the packet came before, or is too old to tell */

/* One direction of the keys of SRTP. The loop uses it as well (RTCP, packets of its own), hence the guard. */
typedef struct {
    void *session;
    relay_transform rtp, rtcp;
    pthread_mutex_t guard;
    int mki;                          /* octets of the key identifier that the sender adds */
    int tag;                          /* octets of RTP's tag that stand after the identifier; 0 if they stand before it */
    int64_t not_authentic, replayed;  /* refused here; the loop takes them away */
} relay_cipher;

typedef union {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
} relay_address;

/* Whom a socket talks to that is not connected, as ICE wants it; `size` 0: it is connected. */
typedef struct {
    socklen_t size;
    relay_address at;
} relay_peer;

typedef struct relay_path {
    struct relay_path *next; /* another stream that comes to the same socket; NULL for the last one */
    int descriptor;          /* received from */
    int output;              /* sent to */
    uint16_t channel_in;     /* of TURN, in which packets come and go; 0: without one */
    uint16_t channel_out;
    relay_peer comes_from;   /* what comes from elsewhere parks */
    relay_peer goes_to;
    uint32_t source;         /* SSRC that is received */
    uint32_t ssrc;           /* SSRC that is sent */
    uint16_t next_sequence;
    uint16_t shift_sequence;
    uint32_t shift_time;
    uint32_t rtp_time;       /* of the last packet */
    int64_t cycles;
    uint64_t history;        /* which of the last packets have come, the highest number at bit 0 ... */
    int64_t regular_since;   /* ... and the number since which none was missing */
    int64_t received;
    int64_t octets;
    int64_t not_sent;
    uint32_t clock;          /* of the last packet that counts for jitter; 0: not known */
    int has_transit;
    double transit;
    double jitter;
    double last_received;
    const uint8_t *table;    /* 256: second octet in to second octet out; shared by all paths with the same payload types */
    const uint32_t *clocks;  /* 128: clock rate for jitter by payload type; 0 for digits, whose timestamps stand still */
    int sees_digits;
    relay_cipher *opens;     /* NULL where RTP is plain */
    relay_cipher *seals;
    uint8_t names;              /* the header extension that names the streams of a bundle; 0: none */
    uint8_t name_size;          /* a packet with another name than ours parks; 0: with any */
    uint8_t name[RELAY_NAME];
    int asks;                   /* who sees a gap is asked for what is missing: the packet after it parks */
    feedback_kept *keeps;       /* for who asks for a packet once more; NULL: nobody does */
    feedback_arrivals *notes;   /* NULL: nobody is told when packets come */
    int is_due;                 /* `notes` are to be told */
} relay_path;

typedef enum { RELAY_PARK, RELAY_SEND, RELAY_SEND_DIGIT, RELAY_DROP } relay_verdict;

typedef struct {
    uint8_t second;          /* marker and payload type */
    uint8_t size;
    uint8_t payload[RELAY_DIGIT];
    uint32_t rtp_time;
} relay_digit;

static inline uint32_t relay_word(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void relay_put(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

/* Take out the key identifier, which stands before the tag of HMAC (RFC 3711 section 3.1) and after that of GCM (RFC 7714
 * section 8.2); 0 if the packet is long enough.
 */
static inline int relay_cut(const relay_cipher *cipher, uint8_t *packet, int *size) {
    uint8_t *tag;
    if (*size < RELAY_HEADER + cipher->mki + cipher->tag)
        return -1;
    *size -= cipher->mki;
    tag = packet + *size - cipher->tag;
    memmove(tag, tag + cipher->mki, (size_t)cipher->tag);
    return 0;
}

/* A flag that one thread raises and another one looks at. */
static inline void relay_raise(int *flag) {
    __atomic_store_n(flag, 1, __ATOMIC_RELEASE);
}

static inline int relay_is_raised(const int *flag) {
    return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

/* An address in words; 0 if it is one. */
static inline int relay_set_peer(relay_peer *peer, const char *host, int port) {
    memset(peer, 0, sizeof *peer);
    if (port <= 0 || port > 65535)
        return -1;
    if (inet_pton(AF_INET, host, &peer->at.four.sin_addr) == 1) {
        peer->at.four.sin_family = AF_INET;
        peer->at.four.sin_port = htons((uint16_t)port);
        peer->size = sizeof peer->at.four;
        return 0;
    }
    if (inet_pton(AF_INET6, host, &peer->at.six.sin6_addr) == 1) {
        peer->at.six.sin6_family = AF_INET6;
        peer->at.six.sin6_port = htons((uint16_t)port);
        peer->size = sizeof peer->at.six;
        return 0;
    }
    return -1;
}

/* The port of an address, whose words go into `host` of INET6_ADDRSTRLEN octets. */
static inline int relay_show_peer(const relay_peer *peer, char *host) {
    int is_four = peer->at.any.sa_family == AF_INET;
    const void *address = is_four ? (const void *)&peer->at.four.sin_addr : (const void *)&peer->at.six.sin6_addr;
    if (!inet_ntop(peer->at.any.sa_family, address, host, INET6_ADDRSTRLEN))
        host[0] = 0;
    return ntohs(is_four ? peer->at.four.sin_port : peer->at.six.sin6_port);
}

/* Flow and scope of IPv6 do not count: peers in SDP have none. */
static inline int relay_is_same(const relay_peer *one, const relay_peer *other) {
    if (one->at.any.sa_family != other->at.any.sa_family)
        return 0;
    if (one->at.any.sa_family == AF_INET)
        return one->at.four.sin_port == other->at.four.sin_port &&
               one->at.four.sin_addr.s_addr == other->at.four.sin_addr.s_addr;
    return one->at.six.sin6_port == other->at.six.sin6_port &&
           !memcmp(&one->at.six.sin6_addr, &other->at.six.sin6_addr, sizeof one->at.six.sin6_addr);
}

/* A datagram is read so that its packet lies at `buffer + RELAY_LEAD`, in a buffer of RELAY_LEAD + RELAY_ROOM octets. */
static inline uint8_t *relay_place(const relay_path *path, uint8_t *buffer) {
    return path->channel_in ? buffer : buffer + RELAY_LEAD;
}

/* The size of the packet in a datagram; -1 if it is no ChannelData of the peer's. What follows the data fills up (12.5). */
static inline int relay_unwrap(const relay_path *path, const uint8_t *datagram, int size) {
    int inner;
    if (!path->channel_in)
        return size;
    if (size < RELAY_LEAD || (datagram[0] << 8 | datagram[1]) != path->channel_in)
        return -1;
    inner = datagram[2] << 8 | datagram[3];
    return inner <= size - RELAY_LEAD ? inner : -1;
}

/* What is to be sent for the packet at `buffer + RELAY_LEAD`, of `*size` octets. */
static inline uint8_t *relay_wrap(const relay_path *path, uint8_t *buffer, int *size) {
    if (!path->channel_out)
        return buffer + RELAY_LEAD;
    buffer[0] = (uint8_t)(path->channel_out >> 8);
    buffer[1] = (uint8_t)path->channel_out;
    buffer[2] = (uint8_t)(*size >> 8);
    buffer[3] = (uint8_t)*size;
    *size += RELAY_LEAD;
    return buffer;
}

/* Whose packet it is, of those that share a socket (RFC 9143 section 9.2): its source tells, which the loop has found out by mid
 * or payload type before. The first one's if it is nobody's; it parks there.
 */
static inline relay_path *relay_find(relay_path *first, const uint8_t *packet, int size) {
    relay_path *path = first;
    uint32_t source;
    if (!first->next || size < RELAY_HEADER)
        return first;
    source = relay_word(packet + 8);
    while (path && path->source != source)
        path = path->next;
    return path ? path : first;
}

/* Decrypt a packet of RTP in place; 0 if it is authentic. */
static inline int relay_open(relay_cipher *cipher, uint8_t *packet, int *size) {
    int status = cipher->mki ? relay_cut(cipher, packet, size) : 0;
    pthread_mutex_lock(&cipher->guard);
    if (!status)
        status = cipher->rtp(cipher->session, packet, size);
    if (status == RELAY_REPLAYED || status == RELAY_REPLAYED_OLD)
        cipher->replayed++;
    else if (status)
        cipher->not_authentic++;
    pthread_mutex_unlock(&cipher->guard);
    return status;
}

static inline int relay_seal(relay_cipher *cipher, uint8_t *packet, int *size) {
    int status;
    pthread_mutex_lock(&cipher->guard);
    status = cipher->rtp(cipher->session, packet, size);
    pthread_mutex_unlock(&cipher->guard);
    return status;
}

/* How many packets are missing before this one; one that came before or late has a number near 65536. */
static inline int relay_gap(const relay_path *path, const uint8_t *packet) {
    return (uint16_t)((packet[2] << 8 | packet[3]) - path->next_sequence);
}

/* Whether the header extension of a packet names another stream than ours. */
static inline int relay_is_other(const relay_path *path, const uint8_t *packet, int start) {
    int size = 0;
    const uint8_t *name = feedback_element(packet, start, path->names, &size);
    return name && (size != path->name_size || memcmp(name, path->name, path->name_size));
}

/* Where the payload of a packet begins that is of the source and of a type that is relayed, with at most a header extension, which
 * names no other stream; 0 if it is another one.
 */
static inline int relay_is_known(const relay_path *path, const uint8_t *packet, int size) {
    int start = feedback_payload(packet, size);
    if (!start || path->table[packet[1]] == RELAY_NOT_RELAYED || relay_word(packet + 8) != path->source)
        return 0;
    return path->names && start > RELAY_HEADER && relay_is_other(path, packet, start) ? 0 : start;
}

/* Whether it is the next one, with nothing between header and payload. */
static inline int relay_is_plain(const relay_path *path, const uint8_t *packet, int size) {
    return relay_is_known(path, packet, size) == RELAY_HEADER && !relay_gap(path, packet);
}

/* Take note of a gap, as proto.rtp.receiver does: `gap` packets are missing before the one that is counted next. */
static inline void relay_skip(relay_path *path, int gap) {
    uint16_t highest = (uint16_t)(path->next_sequence - 1), sequence = (uint16_t)(path->next_sequence + gap);
    int64_t count = path->cycles + highest - path->regular_since;
    if (count >= RELAY_HISTORY)
        path->history = UINT64_MAX;
    else if (count > 0)
        path->history = path->history << count | ((UINT64_C(1) << count) - 1);
    path->history = gap + 1 < RELAY_HISTORY ? path->history << (gap + 1) | 1 : 1;
    if (sequence && sequence < highest) /* else relay_count counts the wrap */
        path->cycles += 65536;
    path->regular_since = path->cycles + sequence + (sequence ? 0 : 65536);
    path->next_sequence = sequence;
}

/* Count a packet as proto.rtp.receiver does (RFC 3550 appendix A.3 and A.8). */
static inline void relay_count(relay_path *path, const uint8_t *packet, int size, double now) {
    uint32_t clock = path->clocks[packet[1] & 0x7F];
    double transit, difference;
    if (path->next_sequence == 0)
        path->cycles += 65536;
    path->next_sequence++;
    path->received++;
    path->octets += size - RELAY_HEADER;
    path->last_received = now;
    path->rtp_time = relay_word(packet + 4);
    if (!clock)
        return;
    transit = now * clock - path->rtp_time;
    if (path->has_transit && (path->clock == clock || !path->clock)) { /* else another codec, whose times are others */
        difference = transit > path->transit ? transit - path->transit : path->transit - transit;
        if (difference < RELAY_MAX_STEP * (double)clock) /* else the timestamps have wrapped, or were set anew */
            path->jitter += (difference - path->jitter) / 16;
    }
    path->clock = clock;
    path->transit = transit;
    path->has_transit = 1;
}

/* Take a datagram of at most RELAY_DATAGRAM octets in a buffer of RELAY_ROOM: with RELAY_SEND and RELAY_SEND_DIGIT it is now what
 * is to be sent on, `*size` octets long; with RELAY_PARK it is untouched; with RELAY_DROP it is of no use.
 */
static inline relay_verdict relay_take(relay_path *path, uint8_t *packet, int *size, double now, relay_digit *digit) {
    relay_verdict verdict = RELAY_SEND;
    uint16_t sequence;
    int gap, start = relay_is_known(path, packet, *size);
    if (!start || (gap = relay_gap(path, packet)) >= RELAY_DROPOUT - 1 || (gap && path->asks))
        return RELAY_PARK;
    sequence = (uint16_t)(path->next_sequence + gap);
    if (path->opens && (relay_open(path->opens, packet, size) || *size < start))
        return RELAY_DROP;
    if (start > RELAY_HEADER) {
        if (path->notes && feedback_note(path->notes, packet, start, now))
            path->is_due = 1;
        feedback_strip(packet, size, start);
    }
    if (gap)
        relay_skip(path, gap);
    relay_count(path, packet, *size, now);
    if (path->sees_digits && !path->clocks[packet[1] & 0x7F]) {
        verdict = RELAY_SEND_DIGIT;
        digit->second = packet[1];
        digit->size = (uint8_t)(*size - RELAY_HEADER < RELAY_DIGIT ? *size - RELAY_HEADER : RELAY_DIGIT);
        memcpy(digit->payload, packet + RELAY_HEADER, digit->size);
        digit->rtp_time = path->rtp_time;
    }
    packet[1] = path->table[packet[1]];
    sequence = (uint16_t)(sequence + path->shift_sequence);
    packet[2] = (uint8_t)(sequence >> 8);
    packet[3] = (uint8_t)sequence;
    relay_put(packet + 4, path->rtp_time + path->shift_time);
    relay_put(packet + 8, path->ssrc);
    if (path->keeps)
        feedback_keep(path->keeps, packet, *size);
    if (path->seals && relay_seal(path->seals, packet, size)) {
        path->not_sent++;
        return RELAY_DROP;
    }
    return verdict;
}

/* Packets a second of about the last tenth of a second, when `count` more have come within `elapsed` seconds. It is a sum over time, no
 * middle of single quotients: a burst would count as the load of many calls there, and so would two packets that meet by chance.
 */
static inline double relay_rate(double rate, int count, double elapsed) {
    const double window = 0.1;
    return elapsed < window ? rate * (1 - elapsed / window) + count / window : count / elapsed;
}

/* How long to wait (seconds) before packets are looked for again, so that one wake-up finds many: each costs as much as several
 * packets. `rate` is packets a second. Where there are less than `few`, none waits; where there are very many, a short time gathers
 * enough.
 */
static inline double relay_pause(double rate, double longest, double few) {
    const double enough = 64;
    double pause = rate < few ? 0 : enough / rate;
    return pause < longest ? pause : longest;
}

#endif
