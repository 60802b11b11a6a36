/* Invariants of the native conference, for any datagrams, settings and sums in any order:
 *
 * - what parks is untouched, and so are the numbers of its stream; what is taken is counted once;
 * - the store holds what a plain reckoning of bytes says it holds, and never more than its bound;
 * - who speaks is in the sum once, by its own row, and hears the sum without it;
 * - what is sent follows what was sent before: number, time, counts;
 * - nothing outside of the buffers is touched (the sanitizers see to that).
 */

#include "_conference.h"
#include "fuzz.h"

enum { MOST_SAMPLES = 640 };

/* What waits, reckoned as modules/bridges/softmix does it. */
typedef struct {
    uint8_t data[SEAT_AHEAD * MOST_SAMPLES * 2 + RELAY_DATAGRAM];
    int held, least, steps;
    int64_t dropped;
} shadow;

static void shadow_cut(shadow *own, int octets) {
    octets = octets < own->held ? octets : own->held;
    own->held -= octets;
    memmove(own->data, own->data + octets, (size_t)own->held);
}

static void shadow_store(shadow *own, const uint8_t *data, int count, int size) {
    int surplus;
    memcpy(own->data + own->held, data, (size_t)count);
    own->held += count;
    surplus = own->held - SEAT_AHEAD * size;
    if (surplus > 0) {
        while (surplus % size)
            surplus++;
        own->dropped += surplus;
        shadow_cut(own, surplus);
    }
}

static int shadow_block(shadow *own, int size, uint8_t *block) {
    int ahead = own->held / size - 1;
    if (ahead < 0) {
        own->least = 0;
        return 0;
    }
    own->least = ahead < own->least ? ahead : own->least;
    if (++own->steps >= SEAT_PATIENCE) {
        if (own->least >= 1) {
            own->dropped += size;
            shadow_cut(own, size);
        }
        own->steps = 0;
        own->least = SEAT_AHEAD;
    }
    memcpy(block, own->data, (size_t)size);
    shadow_cut(own, size);
    return 1;
}

static void check_send(seat *own, const int32_t *total, double now) {
    uint8_t packet[RELAY_HEADER + 2 * MOST_SAMPLES], *payload = malloc((size_t)seat_octets(own));
    seat before = *own;
    CHECK(payload);
    seat_hear(own, total, payload);
    if (own->is_deaf)
        for (int place = 0; place < own->samples; place++) {
            int32_t silence = 0;
            uint8_t wanted[2];
            mix_encode(own->writes, &silence, wanted, 1);
            CHECK(payload[mix_octets(own->writes, (size_t)place)] == wanted[0]);
        }
    if (seat_is_regular(own, now)) {
        seat_head(own, packet, seat_octets(own), now);
        CHECK(own->may_send && now - before.last_time <= SEAT_RESYNC);
        CHECK((uint16_t)(packet[2] << 8 | packet[3]) == before.sequence && relay_word(packet + 4) == before.rtp_time);
        CHECK(relay_word(packet + 8) == own->ssrc && packet[1] == own->type && packet[0] == 0x80);
        CHECK(own->sequence == (uint16_t)(before.sequence + 1) && own->rtp_time == before.rtp_time + (uint32_t)own->samples);
        CHECK(own->packets == before.packets + 1 && own->octets == before.octets + seat_octets(own) && own->last_time == now);
    }
    free(payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static shadow mirror;
    static uint8_t block[MOST_SAMPLES * 2];
    fuzz_input input = {data, data + size};
    static uint8_t table[256];
    static uint32_t clocks[128];
    uint8_t flags = fuzz_octet(&input), type = fuzz_octet(&input) & 0x7F;
    seat own;
    int32_t *total;
    double now = 1000;
    memset(&own, 0, sizeof own);
    memset(&mirror, 0, sizeof mirror);
    memset(table, RELAY_NOT_RELAYED, sizeof table);
    table[type] = type;
    table[type | 0x80] = type | 0x80;
    memset(clocks, 0, sizeof clocks);
    clocks[type] = 8000;
    if (!mix_tables[MIX_ULAW].shift)
        mix_prepare();
    own.reads = (mix_law)(fuzz_octet(&input) % 3);
    own.writes = (mix_law)(fuzz_octet(&input) % 3);
    own.samples = 80 * (1 + fuzz_octet(&input) % 8);
    own.size = (int)mix_octets(own.reads, (size_t)own.samples);
    own.swaps_in = own.reads == MIX_LINEAR && flags & 1;
    own.path.table = table;
    own.path.clocks = clocks;
    own.path.source = 7;
    own.path.next_sequence = (uint16_t)fuzz_number(&input, 2);
    own.type = type;
    own.may_send = flags & 2;
    own.last_time = now - 0.02;
    own.interval_ms = 20;
    own.store = malloc((size_t)seat_room(own.size));
    own.row = malloc((size_t)own.samples * sizeof *own.row);
    total = calloc((size_t)own.samples, sizeof *total);
    CHECK(own.store && own.row && total);
    while (input.at < input.end) {
        uint8_t what = fuzz_octet(&input);
        if (what < 150) {
            int count = RELAY_HEADER + (int)(fuzz_number(&input, 2) % (RELAY_DATAGRAM - RELAY_HEADER + 1)), taken, parks;
            uint8_t *packet = malloc((size_t)count), *copy = malloc((size_t)count), fill = fuzz_octet(&input);
            seat before = own;
            CHECK(packet && copy);
            for (int place = 0; place < count; place++)
                packet[place] = (uint8_t)(fill + place * 7);
            packet[0] = what & 1 && what < 20 ? fill : 0x80;
            packet[1] = what < 140 ? type : fill;
            packet[2] = (uint8_t)(own.path.next_sequence >> 8);
            packet[3] = (uint8_t)(own.path.next_sequence + (what >= 20 && what < 30 ? fill : 0));
            relay_put(packet + 8, what >= 30 && what < 40 ? fill : 7);
            memcpy(copy, packet, (size_t)count);
            taken = count;
            parks = seat_take(&own, packet, &taken, now) == RELAY_PARK;
            if (parks) {
                CHECK(!memcmp(packet, copy, (size_t)count) && own.path.received == before.path.received);
                CHECK(own.held == before.held && own.path.next_sequence == before.path.next_sequence);
            } else {
                CHECK(own.path.received == before.path.received + 1 && taken == count);
                CHECK(own.path.next_sequence == (uint16_t)(before.path.next_sequence + 1));
                if (own.is_muted)
                    CHECK(own.held == before.held);
                else
                    shadow_store(&mirror, packet + RELAY_HEADER, count - RELAY_HEADER, own.size);
            }
            free(packet);
            free(copy);
        } else if (what < 230) {
            int was_talking = own.is_talking, speaks, spoken = 0;
            seat_talk told;
            memset(total, 0, (size_t)own.samples * sizeof *total);
            if (own.is_muted)
                mirror.least = 0;
            speaks = !own.is_muted && shadow_block(&mirror, own.size, block);
            told = seat_step(&own, total);
            CHECK((told == SEAT_BEGAN) == (own.is_talking && !was_talking) && (told == SEAT_ENDED) == (!own.is_talking && was_talking));
            CHECK(speaks || !own.has_row);
            for (int place = 0; place < own.samples; place++) {
                int16_t said = 0;
                if (speaks)
                    mix_decode(own.reads, block + mix_octets(own.reads, (size_t)place), &said, 1);
                if (own.has_row && own.gain_in == 1.0f)
                    CHECK(own.row[place] == said);
                CHECK(total[place] == (own.has_row ? own.row[place] : 0));
                spoken |= total[place];
                total[place] += (int32_t)(fuzz_octet(&input) << 9) - 65536;
            }
            CHECK(!spoken || own.has_row);
            now += what % 4 ? 0.02 : 0.2;
            check_send(&own, total, now);
        } else {
            uint32_t bits = fuzz_number(&input, 4);
            own.is_muted = what & 1;
            own.is_deaf = what & 2;
            own.detects = what & 4;
            own.drops_silence = what & 8;
            own.threshold = fuzz_octet(&input);
            own.silence_ms = fuzz_octet(&input);
            memcpy(&own.gain_out, &bits, sizeof bits);
            own.gain_in = fuzz_octet(&input) & 1 ? 1.0f : own.gain_out;
            if (own.is_muted)
                own.held = mirror.held = 0;
        }
        CHECK(own.held == mirror.held && own.held <= SEAT_AHEAD * own.size && !memcmp(own.store, mirror.data, (size_t)own.held));
        CHECK(own.dropped == mirror.dropped && own.least == mirror.least && own.steps == mirror.steps);
    }
#ifdef SELF_TEST
    ((volatile uint8_t *)own.store)[seat_room(own.size)] = 0; /* the sanitizer has to see this */
#endif
    free(own.store);
    free(own.row);
    free(total);
    return 0;
}
