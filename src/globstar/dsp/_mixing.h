/* The arithmetic of conferences and G.711 (ITU-T G.711), without Python, so that it runs without the interpreter's lock and is
 * fuzzed by itself (tests/fuzz/native). Samples are 16 bit signed, sums 32 bit.
 */

#ifndef GLOBSTAR_MIXING_H
#define GLOBSTAR_MIXING_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef enum { MIX_LINEAR, MIX_ULAW, MIX_ALAW } mix_law;

/* For each law: octet to sample, and one octet for each value that it tells apart (mu-law 14 bits, A-law 13). */
typedef struct {
    int shift;
    int16_t expand[256];
    uint8_t compress[65536 >> 2];
} mix_table;

static mix_table mix_tables[3];

static inline int32_t mix_clip(int32_t value) {
    return value > 32767 ? 32767 : value < -32768 ? -32768 : value;
}

static inline int16_t mix_ulaw_to_linear(uint8_t octet) {
    int code = (uint8_t)~octet;
    int magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84;
    return (int16_t)(code & 0x80 ? -magnitude : magnitude);
}

static inline int16_t mix_alaw_to_linear(uint8_t octet) {
    int code = octet ^ 0x55;
    int segment = (code >> 4) & 7;
    int magnitude = ((code & 0x0F) << 4) + 8;
    if (segment)
        magnitude = (magnitude + 0x100) << (segment - 1);
    return (int16_t)(code & 0x80 ? magnitude : -magnitude);
}

static inline uint8_t mix_linear_to_ulaw(int sample) {
    int value = sample >> 2; /* 14 bits */
    int sign = value < 0 ? 0x00 : 0x80, segment = 0, magnitude;
    magnitude = (value < 0 ? -value : value) + 33;
    if (magnitude > 8191)
        magnitude = 8191;
    while (segment < 7 && magnitude > (0x3F << segment) + (1 << segment) - 1)
        segment++;
    return (uint8_t)(sign | (~(segment << 4 | ((magnitude >> (segment + 1)) & 0x0F)) & 0x7F));
}

static inline uint8_t mix_linear_to_alaw(int sample) {
    int value = sample >> 3; /* 13 bits */
    int mask = value >= 0 ? 0xD5 : 0x55, segment = 0, magnitude = value >= 0 ? value : -value - 1;
    while (segment < 7 && magnitude > (0x20 << segment) - 1)
        segment++;
    return (uint8_t)((segment << 4 | ((segment < 2 ? magnitude >> 1 : magnitude >> segment) & 0x0F)) ^ mask);
}

static inline void mix_prepare(void) {
    int value;
    mix_tables[MIX_ULAW].shift = 2;
    mix_tables[MIX_ALAW].shift = 3;
    for (value = 0; value < 256; value++) {
        mix_tables[MIX_ULAW].expand[value] = mix_ulaw_to_linear((uint8_t)value);
        mix_tables[MIX_ALAW].expand[value] = mix_alaw_to_linear((uint8_t)value);
    }
    for (value = 0; value < 65536; value += 4)
        mix_tables[MIX_ULAW].compress[value >> 2] = mix_linear_to_ulaw(value - 32768);
    for (value = 0; value < 65536; value += 8)
        mix_tables[MIX_ALAW].compress[value >> 3] = mix_linear_to_alaw(value - 32768);
}

static inline size_t mix_octets(mix_law law, size_t samples) {
    return law == MIX_LINEAR ? samples * 2 : samples;
}

/* The payload of `samples` samples as a row. Linear is little-endian, as is every machine that this is built for. */
static inline void mix_decode(mix_law law, const uint8_t *payload, int16_t *row, size_t samples) {
    const int16_t *expand = mix_tables[law].expand;
    size_t place;
    if (law == MIX_LINEAR) {
        memcpy(row, payload, samples * 2);
        return;
    }
    for (place = 0; place < samples; place++)
        row[place] = expand[payload[place]];
}

static inline void mix_encode_one(mix_law law, int32_t sum, uint8_t *payload, size_t place) {
    int32_t value = mix_clip(sum);
    if (law == MIX_LINEAR) {
        int16_t sample = (int16_t)value;
        memcpy(payload + 2 * place, &sample, 2);
    } else {
        payload[place] = mix_tables[law].compress[(value + 32768) >> mix_tables[law].shift];
    }
}

/* Sums as a payload; values beyond 16 bits saturate. */
static inline void mix_encode(mix_law law, const int32_t *sums, uint8_t *payload, size_t samples) {
    size_t place;
    for (place = 0; place < samples; place++)
        mix_encode_one(law, sums[place], payload, place);
}

/* What one of those who speak hears: the sum without its own row. */
static inline void mix_encode_others(mix_law law, const int32_t *total, const int16_t *row, uint8_t *payload, size_t samples) {
    size_t place;
    for (place = 0; place < samples; place++)
        mix_encode_one(law, total[place] - row[place], payload, place);
}

static inline void mix_add(const int16_t *row, int32_t *total, size_t samples) {
    size_t place;
    for (place = 0; place < samples; place++)
        total[place] += row[place];
}

/* A row made louder or quieter, saturating; halves go to the even neighbour. */
static inline void mix_scale(const int16_t *row, float factor, int16_t *scaled, size_t samples) {
    size_t place;
    for (place = 0; place < samples; place++) {
        float value = rintf((float)row[place] * factor);
        scaled[place] = (int16_t)(!(value < 32767.0f) ? 32767 : value > -32768.0f ? (int32_t)value : -32768);
    }
}

/* The mean of the magnitudes of a row. */
static inline int32_t mix_level(const int16_t *row, size_t samples) {
    int64_t sum = 0;
    size_t place;
    for (place = 0; place < samples; place++)
        sum += row[place] < 0 ? -(int32_t)row[place] : row[place];
    return samples ? (int32_t)(sum / (int64_t)samples) : 0;
}

#endif
