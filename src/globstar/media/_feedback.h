/* What feedback on pictures asks of the native relay: header extensions (RFC 8285) are read and taken away, packets are kept for who
 * asks for them once more (RFC 4585 section 6.2.1), and it is noted when packets came. What is done with it is media.feedback's.
 */

#ifndef GLOBSTAR_FEEDBACK_H
#define GLOBSTAR_FEEDBACK_H

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    FEEDBACK_HEADER = 12,
    FEEDBACK_KEPT = 512,      /* as in media.kept */
    FEEDBACK_ARRIVALS = 256,  /* noted before the loop takes them; more are not told */
    FEEDBACK_TELL_COUNT = 100 /* as in media.feedback, with the next */
};
#define FEEDBACK_TELL_EVERY 0.1

typedef struct {
    uint8_t *data;
    uint16_t size, room, number;
} feedback_packet;

/* The last packets that were sent, by the lower bits of their numbers; the loop uses it as well, hence the guard. */
typedef struct {
    pthread_mutex_t guard;
    feedback_packet packets[FEEDBACK_KEPT];
} feedback_kept;

/* Which packets came when, by the numbers that their header extension `extension` has. */
typedef struct {
    uint8_t extension;
    int count;
    double told_at;
    uint16_t numbers[FEEDBACK_ARRIVALS];
    double times[FEEDBACK_ARRIVALS];
} feedback_arrivals;

/* Where the payload of a packet begins that has neither contributing sources nor padding; 0 for others, and if it does not fit. */
static inline int feedback_payload(const uint8_t *packet, int size) {
    int start;
    if (size < FEEDBACK_HEADER || (packet[0] & 0xEF) != 0x80)
        return 0;
    if (packet[0] == 0x80)
        return FEEDBACK_HEADER;
    if (size < FEEDBACK_HEADER + 4)
        return 0;
    start = FEEDBACK_HEADER + 4 + 4 * (packet[FEEDBACK_HEADER + 2] << 8 | packet[FEEDBACK_HEADER + 3]);
    return start <= size ? start : 0;
}

/* The element `number` of a header extension that ends at `start`, in either form, as proto.rtp.extension finds it; or NULL. */
static inline const uint8_t *feedback_element(const uint8_t *packet, int start, int number, int *size) {
    const uint8_t *at = packet + FEEDBACK_HEADER, *end = packet + start;
    int is_short, found, length;
    if (start < FEEDBACK_HEADER + 4)
        return NULL;
    is_short = at[0] == 0xBE && at[1] == 0xDE;
    if (!is_short && (at[0] != 0x10 || at[1] & 0xF0))
        return NULL;
    at += 4;
    while (at + !is_short < end) {
        if (!*at) { /* fills up */
            at++;
            continue;
        }
        found = is_short ? *at >> 4 : *at;
        length = is_short ? (*at & 0x0F) + 1 : at[1];
        if (is_short && found == 15) /* section 4.2: nothing after it counts */
            return NULL;
        at += 2 - is_short;
        if (found == number) {
            *size = length;
            return length <= end - at ? at : NULL;
        }
        if (length > end - at)
            return NULL;
        at += length;
    }
    return NULL;
}

/* Take the header extension out of a packet whose payload begins at `start`. */
static inline void feedback_strip(uint8_t *packet, int *size, int start) {
    memmove(packet + FEEDBACK_HEADER, packet + start, (size_t)(*size - start));
    packet[0] = 0x80;
    *size -= start - FEEDBACK_HEADER;
}

/* Note when a packet came, if it says which it is; 1 when it is time to tell of all. */
static inline int feedback_note(feedback_arrivals *arrivals, const uint8_t *packet, int start, double now) {
    int size = 0, place = arrivals->count;
    const uint8_t *number = feedback_element(packet, start, arrivals->extension, &size);
    if (!number || size != 2 || place == FEEDBACK_ARRIVALS)
        return 0;
    arrivals->numbers[place] = (uint16_t)(number[0] << 8 | number[1]);
    arrivals->times[place] = now;
    arrivals->count++;
    return now - arrivals->told_at >= FEEDBACK_TELL_EVERY || arrivals->count == FEEDBACK_TELL_COUNT;
}

/* Keep a packet of RTP; one for which there is no memory is not kept. */
static inline void feedback_keep(feedback_kept *kept, const uint8_t *packet, int size) {
    uint16_t number = (uint16_t)(packet[2] << 8 | packet[3]);
    feedback_packet *place = &kept->packets[number % FEEDBACK_KEPT];
    pthread_mutex_lock(&kept->guard);
    if (place->room < size) {
        free(place->data);
        place->data = malloc((size_t)size);
        place->room = (uint16_t)(place->data ? size : 0);
    }
    place->size = (uint16_t)(place->data ? size : 0);
    if (place->data)
        memcpy(place->data, packet, (size_t)size);
    place->number = number;
    pthread_mutex_unlock(&kept->guard);
}

/* The packet of that number, with the guard held; NULL if it is not kept. */
static inline const feedback_packet *feedback_find(const feedback_kept *kept, uint16_t number) {
    const feedback_packet *place = &kept->packets[number % FEEDBACK_KEPT];
    return place->size && place->number == number ? place : NULL;
}

/* Forget all packets. */
static inline void feedback_clear(feedback_kept *kept) {
    pthread_mutex_lock(&kept->guard);
    for (int place = 0; place < FEEDBACK_KEPT; place++) {
        free(kept->packets[place].data);
        memset(&kept->packets[place], 0, sizeof kept->packets[place]);
    }
    pthread_mutex_unlock(&kept->guard);
}

#endif
