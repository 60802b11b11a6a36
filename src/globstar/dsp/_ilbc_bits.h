/* The parameters of a frame of iLBC and their bits (RFC 3951 section 3.8, RFC 3952 section 3.1). */

#ifndef GLOBSTAR_ILBC_BITS_H
#define GLOBSTAR_ILBC_BITS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ILBC_BLOCK 40 /* samples of a sub-block */
#define ILBC_MAX_SAMPLES 240
#define ILBC_MAX_BLOCKS 6
#define ILBC_MAX_STATE 58
#define ILBC_MAX_BYTES 50
#define ILBC_STAGES 3

/* What differs between the two frame lengths. */
typedef struct {
    int samples, blocks, octets;
    int sets;   /* of line spectral frequencies */
    int state;  /* samples of the start state */
    int delay;  /* samples by which the enhancer is behind */
} ilbc_shape;

static const ilbc_shape ilbc_20ms = {160, 4, 38, 1, 57, 40};
static const ilbc_shape ilbc_30ms = {240, 6, 50, 2, 58, 80};

static inline const ilbc_shape *ilbc_shape_of(int milliseconds) {
    return milliseconds == 20 ? &ilbc_20ms : &ilbc_30ms;
}

/* Where a stage of the codebook search points, and how loud: for the rest of the state's two sub-blocks, then for each other
 * sub-block in the order of coding. */
typedef struct {
    int index[ILBC_STAGES], gain[ILBC_STAGES];
} ilbc_choice;

typedef struct {
    int lsf[2][3];
    int start; /* the first of the two sub-blocks that hold the state, counted from 1 */
    int state_first; /* whether the state comes before the rest of its two sub-blocks */
    int peak;
    int state[ILBC_MAX_STATE];
    ilbc_choice choices[1 + ILBC_MAX_BLOCKS - 2];
    int empty; /* the last bit: the frame says nothing and is to be concealed */
} ilbc_frame;

#define ILBC_MAX_FIELDS (6 + 3 + ILBC_MAX_STATE + 2 * ILBC_STAGES * (1 + ILBC_MAX_BLOCKS - 2) + 1)

/* A parameter, and how many of its bits are in each of the three classes, the highest first. */
typedef struct {
    int *value;
    uint8_t bits[3];
} ilbc_field;

typedef uint8_t ilbc_split[3];

static const ilbc_split ilbc_lsf_bits[3] = {{6, 0, 0}, {7, 0, 0}, {7, 0, 0}};
static const ilbc_split ilbc_index_bits_20ms[3][ILBC_STAGES] = {
    {{6, 0, 1}, {0, 0, 7}, {0, 0, 7}}, {{7, 0, 1}, {0, 0, 7}, {0, 0, 7}}, {{0, 0, 8}, {0, 0, 8}, {0, 0, 8}},
};
static const ilbc_split ilbc_gain_bits_20ms[3][ILBC_STAGES] = {
    {{2, 0, 3}, {1, 1, 2}, {0, 0, 3}}, {{1, 2, 2}, {1, 1, 2}, {0, 0, 3}}, {{1, 1, 3}, {0, 2, 2}, {0, 0, 3}},
};
static const ilbc_split ilbc_index_bits_30ms[5][ILBC_STAGES] = {
    {{4, 2, 1}, {0, 0, 7}, {0, 0, 7}}, {{6, 1, 1}, {0, 0, 7}, {0, 0, 7}}, {{0, 7, 1}, {0, 0, 8}, {0, 0, 8}},
    {{0, 7, 1}, {0, 0, 8}, {0, 0, 8}}, {{0, 7, 1}, {0, 0, 8}, {0, 0, 8}},
};
static const ilbc_split ilbc_gain_bits_30ms[5][ILBC_STAGES] = {
    {{1, 1, 3}, {1, 1, 2}, {0, 0, 3}}, {{1, 2, 2}, {1, 2, 1}, {0, 0, 3}}, {{0, 2, 3}, {0, 2, 2}, {0, 0, 3}},
    {{0, 1, 4}, {0, 1, 3}, {0, 0, 3}}, {{0, 1, 4}, {0, 1, 3}, {0, 0, 3}},
};

static inline int ilbc_add_field(ilbc_field *fields, int count, int *value, int first, int second, int third) {
    ilbc_field field = {value, {(uint8_t)first, (uint8_t)second, (uint8_t)third}};
    fields[count] = field;
    return count + 1;
}

/* The fields of a frame in the order in which each class has them; how many there are. */
static int ilbc_fields(const ilbc_shape *shape, ilbc_frame *frame, ilbc_field *fields) {
    const ilbc_split(*index_bits)[ILBC_STAGES] = shape->sets == 1 ? ilbc_index_bits_20ms : ilbc_index_bits_30ms;
    const ilbc_split(*gain_bits)[ILBC_STAGES] = shape->sets == 1 ? ilbc_gain_bits_20ms : ilbc_gain_bits_30ms;
    int count = 0, set, part, stage, choice, choices = shape->blocks - 1;
    for (set = 0; set < shape->sets; set++)
        for (part = 0; part < 3; part++)
            count = ilbc_add_field(fields, count, &frame->lsf[set][part], ilbc_lsf_bits[part][0], 0, 0);
    count = ilbc_add_field(fields, count, &frame->start, shape->sets == 1 ? 2 : 3, 0, 0);
    count = ilbc_add_field(fields, count, &frame->state_first, 1, 0, 0);
    count = ilbc_add_field(fields, count, &frame->peak, 6, 0, 0);
    for (part = 0; part < shape->state; part++)
        count = ilbc_add_field(fields, count, &frame->state[part], 0, 1, 2);
#define ILBC_ADD(member, split) \
    for (stage = 0; stage < ILBC_STAGES; stage++) \
        count = ilbc_add_field(fields, count, &frame->choices[choice].member[stage], split[choice][stage][0], \
                               split[choice][stage][1], split[choice][stage][2])
    choice = 0;
    ILBC_ADD(index, index_bits);
    ILBC_ADD(gain, gain_bits);
    for (choice = 1; choice < choices; choice++)
        ILBC_ADD(index, index_bits);
    for (choice = 1; choice < choices; choice++)
        ILBC_ADD(gain, gain_bits);
#undef ILBC_ADD
    return ilbc_add_field(fields, count, &frame->empty, 0, 0, 1);
}

/* Indices of the second and third stage of the first whole sub-block have seven bits: only a part of the codebook is searched,
 * which is numbered without gaps (section 3.6.3). */
static inline int ilbc_narrow(int index) {
    return index >= 236 ? index - 128 : index >= 108 && index < 172 ? index - 64 : index;
}

static inline int ilbc_widen(int index) {
    return index >= 108 ? index + 128 : index >= 44 ? index + 64 : index;
}

static void ilbc_pack(const ilbc_shape *shape, const ilbc_frame *frame, uint8_t *payload) {
    ilbc_frame numbered = *frame;
    ilbc_field fields[ILBC_MAX_FIELDS];
    int count = ilbc_fields(shape, &numbered, fields), group, field, bit, at = 0;
    numbered.choices[1].index[1] = ilbc_narrow(frame->choices[1].index[1]);
    numbered.choices[1].index[2] = ilbc_narrow(frame->choices[1].index[2]);
    memset(payload, 0, (size_t)shape->octets);
    for (group = 0; group < 3; group++)
        for (field = 0; field < count; field++) {
            const uint8_t *bits = fields[field].bits;
            int below = (group < 1 ? bits[1] : 0) + (group < 2 ? bits[2] : 0);
            for (bit = bits[group] - 1; bit >= 0; bit--, at++)
                if (*fields[field].value >> (below + bit) & 1)
                    payload[at >> 3] |= (uint8_t)(0x80 >> (at & 7));
        }
}

/* The parameters of a payload of ``shape->octets``. Zero if it is to be concealed: it says so, or its state is nowhere. */
static int ilbc_unpack(const ilbc_shape *shape, const uint8_t *payload, ilbc_frame *frame) {
    ilbc_field fields[ILBC_MAX_FIELDS];
    int count, group, field, bit, at = 0;
    memset(frame, 0, sizeof *frame);
    count = ilbc_fields(shape, frame, fields);
    for (group = 0; group < 3; group++)
        for (field = 0; field < count; field++)
            for (bit = fields[field].bits[group]; bit > 0; bit--, at++)
                *fields[field].value = *fields[field].value << 1 | (payload[at >> 3] >> (7 - (at & 7)) & 1);
    frame->choices[1].index[1] = ilbc_widen(frame->choices[1].index[1]);
    frame->choices[1].index[2] = ilbc_widen(frame->choices[1].index[2]);
    return !frame->empty && frame->start >= 1 && frame->start < shape->blocks;
}

#endif
