/* The excitation of iLBC: the start state, and what follows it out of a codebook of what is decoded already (RFC 3951 sections
 * 3.5, 3.6 and 4.2 to 4.4). Encoder and decoder walk the same way; the encoder looks for the best indices on it.
 */

#ifndef GLOBSTAR_ILBC_CODEBOOK_H
#define GLOBSTAR_ILBC_CODEBOOK_H

#include "_ilbc_filters.h"

#define ILBC_MEMORY 147       /* samples of the codebook's memory */
#define ILBC_STATE_MEMORY 85  /* the same for what is beside the start state */
#define ILBC_BOOK 256         /* vectors at the most */
#define ILBC_SHORTEST_LAG 20  /* of vectors that repeat a piece shorter than themselves */
#define ILBC_AUGMENTED (ILBC_BLOCK - ILBC_SHORTEST_LAG)

/* A memory and the same through the codebook's filter. */
typedef struct {
    float plain[ILBC_MEMORY], filtered[ILBC_MEMORY];
    int length;
} ilbc_memory;

static void ilbc_filter_memory(ilbc_memory *memory) {
    float padded[ILBC_MEMORY + 8] = {0};
    int at;
    memcpy(padded + 3, memory->plain, sizeof(float) * (size_t)memory->length);
    for (at = 0; at < memory->length; at++)
        memory->filtered[at] = ilbc_product(padded + at, ilbc_codebook_taps, 8);
}

/* How many vectors are cut from the memory as it is, and how many there are before those of the filtered memory. */
static inline int ilbc_cut_vectors(int length, int wanted) {
    return length - wanted + 1;
}

static inline int ilbc_plain_vectors(int length, int wanted) {
    return ilbc_cut_vectors(length, wanted) + (wanted == ILBC_BLOCK ? ILBC_AUGMENTED : 0);
}

/* The vector ``index`` of ``wanted`` samples; silence for an index that no encoder uses. */
static void ilbc_vector(const ilbc_memory *memory, int index, int wanted, float *vector) {
    int cut = ilbc_cut_vectors(memory->length, wanted), plain = ilbc_plain_vectors(memory->length, wanted);
    const float *end = (index < plain ? memory->plain : memory->filtered) + memory->length;
    if (index >= plain)
        index -= plain;
    if (index < cut) {
        memcpy(vector, end - wanted - index, sizeof(float) * (size_t)wanted);
    } else if (index < plain) {
        /* a piece and its repetition, with five samples of passage (section 3.6.3.1) */
        int lag = ILBC_SHORTEST_LAG + index - cut, at;
        memcpy(vector, end - lag, sizeof(float) * (size_t)lag);
        for (at = 1; at < 5; at++) {
            float *sample = &vector[lag - 5 + at];
            *sample += 0.2f * (float)at * (end[at - 5 - lag] - *sample);
        }
        memcpy(vector + lag, end - lag, sizeof(float) * (size_t)(wanted - lag));
    } else {
        memset(vector, 0, sizeof(float) * (size_t)wanted);
    }
}

/* The gain of a stage relative to the one before, and its levels (section 3.6.4.2). */
static inline float ilbc_gain_scale(int stage, float before) {
    return stage == 0 ? 1.0f : fabsf(before) < 0.1f ? 0.1f : fabsf(before);
}

static const struct {
    const float *levels;
    int count;
} ilbc_gains[ILBC_STAGES] = {{ilbc_gains_first, 32}, {ilbc_gains_second, 16}, {ilbc_gains_third, 8}};

/* The sum of the vectors that a choice names (section 4.4). */
static void ilbc_build(ilbc_memory *memory, const ilbc_choice *choice, int wanted, float *sum) {
    float vector[ILBC_BLOCK], gain = 1.0f;
    int stage, at;
    memset(sum, 0, sizeof(float) * (size_t)wanted);
    for (stage = 0; stage < ILBC_STAGES; stage++) {
        gain = ilbc_gain_scale(stage, gain) * ilbc_gains[stage].levels[choice->gain[stage]];
        ilbc_vector(memory, choice->index[stage], wanted, vector);
        for (at = 0; at < wanted; at++)
            sum[at] += gain * vector[at];
    }
}

static int ilbc_nearest(const float *levels, int count, float value) {
    int best = 0, at;
    for (at = 1; at < count; at++)
        if (fabsf(levels[at] - value) < fabsf(levels[best] - value))
            best = at;
    return best;
}

/* Indices and gains that come closest to ``target``, one stage after the other, where errors are heard: all is seen through
 * the weighting filter first (section 3.6.4). ``is_narrow`` keeps the later stages to what seven bits can name. */
static void ilbc_search(const ilbc_memory *memory, const float *target, int wanted, const float *weighting, int is_narrow,
                        ilbc_choice *choice) {
    float weighted[ILBC_ORDER + ILBC_MEMORY + ILBC_BLOCK] = {0}, book[ILBC_BOOK][ILBC_BLOCK], energies[ILBC_BOOK];
    float rest[ILBC_BLOCK], sum[ILBC_BLOCK] = {0}, *begin = weighted + ILBC_ORDER, gain = 1.0f, gains[ILBC_STAGES], loud;
    ilbc_memory seen;
    int length = memory->length, vectors = 2 * ilbc_plain_vectors(length, wanted), stage, index, at;
    memcpy(begin, memory->plain, sizeof(float) * (size_t)length);
    memcpy(begin + length, target, sizeof(float) * (size_t)wanted);
    ilbc_all_pole(weighting, begin, begin, length + wanted);
    seen.length = length;
    memcpy(seen.plain, begin, sizeof(float) * (size_t)length);
    ilbc_filter_memory(&seen);
    for (index = 0; index < vectors; index++) {
        ilbc_vector(&seen, index, wanted, book[index]);
        energies[index] = ilbc_product(book[index], book[index], wanted);
    }
    memcpy(rest, begin + length, sizeof(float) * (size_t)wanted);
    loud = ilbc_product(rest, rest, wanted);
    for (stage = 0; stage < ILBC_STAGES; stage++) {
        const float *levels = ilbc_gains[stage].levels;
        int count = ilbc_gains[stage].count, best = 0;
        float scale = ilbc_gain_scale(stage, gain), best_gain = 0.0f, most = -1.0f;
        float low = stage ? scale * levels[0] : 0.0f, high = scale * levels[count - 1];
        for (index = 0; index < vectors; index++) {
            float match, fit, gained;
            if (is_narrow && stage && ((index >= 44 && index < 108) || (index >= 172 && index < 236)))
                continue;
            match = ilbc_product(rest, book[index], wanted);
            fit = energies[index] > 1e-6f ? ilbc_held(match / energies[index], low, high) : 0.0f;
            gained = fit * (2.0f * match - fit * energies[index]);
            if (gained > most) {
                most = gained;
                best = index;
                best_gain = fit;
            }
        }
        choice->index[stage] = best;
        choice->gain[stage] = ilbc_nearest(levels, count, best_gain / scale);
        gain = gains[stage] = scale * levels[choice->gain[stage]];
        for (at = 0; at < wanted; at++) {
            rest[at] -= gain * book[best][at];
            sum[at] += gain * book[best][at];
        }
    }
    /* what is matched badly is too quiet: a higher first gain raises all three to the target's loudness (section 3.6.4.2) */
    {
        float reached = ilbc_product(sum, sum, wanted);
        int best = choice->gain[0];
        for (at = best + 1; at < 32; at++) {
            float level = ilbc_gains_first[at];
            if (reached * level * level < loud * gains[0] * gains[0] && level < 2.0f * gains[0])
                best = at;
        }
        choice->gain[0] = best;
    }
}

/* A way from the start state: samples from ``at`` on, forwards or backwards in time, of which ``known`` beside it are decoded. */
static void ilbc_remember(const float *decoded, int at, int step, int known, int length, ilbc_memory *memory) {
    int back;
    memory->length = length;
    memset(memory->plain, 0, sizeof memory->plain);
    for (back = 1; back <= known && back <= length; back++)
        memory->plain[length - back] = decoded[at - step * back];
    ilbc_filter_memory(memory);
}

/* One piece: the encoder, which has a ``target``, chooses; then the piece is decoded from the choice. */
static void ilbc_piece(float *decoded, int at, int step, int known, int length, int wanted, const float *target,
                       const ilbc_polynomial *weightings, int is_narrow, ilbc_choice *choice) {
    ilbc_memory memory;
    float samples[ILBC_BLOCK];
    int sample;
    ilbc_remember(decoded, at, step, known, length, &memory);
    if (target) {
        for (sample = 0; sample < wanted; sample++)
            samples[sample] = target[at + step * sample];
        ilbc_search(&memory, samples, wanted, weightings[at / ILBC_BLOCK], is_narrow, choice);
    }
    ilbc_build(&memory, choice, wanted, samples);
    for (sample = 0; sample < wanted; sample++)
        decoded[at + step * sample] = samples[sample];
}

/* Where the start state is within the two sub-blocks from ``frame->start``. */
static inline int ilbc_state_at(const ilbc_shape *shape, const ilbc_frame *frame) {
    return (frame->start - 1) * ILBC_BLOCK + (frame->state_first ? 0 : 2 * ILBC_BLOCK - shape->state);
}

/* All that is around the start state in ``decoded``: first the rest of its two sub-blocks, then what is later, then what is
 * earlier. With ``target`` the frame's choices are made, else followed. */
static void ilbc_surroundings(const ilbc_shape *shape, ilbc_frame *frame, float *decoded, const float *target,
                              const ilbc_polynomial *weightings) {
    int state = ilbc_state_at(shape, frame), rest = 2 * ILBC_BLOCK - shape->state, first = (frame->start - 1) * ILBC_BLOCK;
    int at = frame->state_first ? state + shape->state : state - 1, choice = 1, block;
    ilbc_piece(decoded, at, frame->state_first ? 1 : -1, shape->state, ILBC_STATE_MEMORY, rest, target, weightings, 0,
               &frame->choices[0]);
    for (block = frame->start + 1; block < shape->blocks; block++, choice++)
        ilbc_piece(decoded, block * ILBC_BLOCK, 1, block * ILBC_BLOCK - first, ILBC_MEMORY, ILBC_BLOCK, target, weightings,
                   choice == 1, &frame->choices[choice]);
    for (block = frame->start - 2; block >= 0; block--, choice++)
        ilbc_piece(decoded, (block + 1) * ILBC_BLOCK - 1, -1, shape->samples - (block + 1) * ILBC_BLOCK, ILBC_MEMORY,
                   ILBC_BLOCK, target, weightings, choice == 1, &frame->choices[choice]);
}

/* The filter whose all-pass turns a state round: the polynomial backwards, over itself; what comes after the end is added to
 * the beginning. ``in`` and ``out`` have ``count`` samples. */
static void ilbc_all_pass(const float *polynomial, const float *in, float *out, int count) {
    float before[ILBC_ORDER + 2 * ILBC_MAX_STATE] = {0}, after[ILBC_ORDER + 2 * ILBC_MAX_STATE] = {0};
    float *from = before + ILBC_ORDER, *to = after + ILBC_ORDER, turned[ILBC_ORDER + 1];
    int at;
    for (at = 0; at <= ILBC_ORDER; at++)
        turned[at] = polynomial[ILBC_ORDER - at];
    memcpy(from, in, sizeof(float) * (size_t)count);
    ilbc_all_zero(turned, from, to, 2 * count);
    ilbc_all_pole(polynomial, to, to, 2 * count);
    for (at = 0; at < count; at++)
        out[at] = to[at] + to[at + count];
}

/* The start state out of its levels (section 4.2). */
static void ilbc_state_build(const ilbc_shape *shape, const ilbc_frame *frame, const ilbc_polynomial *synthesis, float *state) {
    float levels[ILBC_MAX_STATE] = {0}, turned[ILBC_MAX_STATE], peak = powf(10.0f, ilbc_state_peaks[frame->peak]) / 4.5f;
    int at;
    for (at = 0; at < shape->state; at++)
        levels[at] = peak * ilbc_state_levels[frame->state[shape->state - 1 - at]];
    ilbc_all_pass(synthesis[frame->start - 1], levels, turned, shape->state);
    for (at = 0; at < shape->state; at++)
        state[at] = turned[shape->state - 1 - at];
}

/* The levels of a start state, such that the error is heard least (section 3.5). */
static void ilbc_state_choose(const ilbc_shape *shape, ilbc_frame *frame, const float *state, const ilbc_polynomial *synthesis,
                              const ilbc_polynomial *weightings) {
    float wanted[ILBC_ORDER + ILBC_MAX_STATE] = {0}, made[ILBC_ORDER + ILBC_MAX_STATE] = {0}, peak = 10.0f;
    float *target = wanted + ILBC_ORDER, *result = made + ILBC_ORDER;
    /* where the second of the two sub-blocks begins within the state */
    int border = frame->state_first ? ILBC_BLOCK : shape->state - ILBC_BLOCK, at, tap;
    ilbc_all_pass(synthesis[frame->start - 1], state, target, shape->state);
    for (at = 0; at < shape->state; at++)
        if (fabsf(target[at]) > peak)
            peak = fabsf(target[at]);
    frame->peak = ilbc_nearest(ilbc_state_peaks, 64, log10f(peak));
    peak = 4.5f / powf(10.0f, ilbc_state_peaks[frame->peak]);
    for (at = 0; at < shape->state; at++)
        target[at] *= peak;
    ilbc_all_pole(weightings[frame->start - 1], target, target, border);
    ilbc_all_pole(weightings[frame->start], target + border, target + border, shape->state - border);
    for (at = 0; at < shape->state; at++) {
        const float *weighting = weightings[at < border ? frame->start - 1 : frame->start];
        float past = 0.0f;
        for (tap = 1; tap <= ILBC_ORDER; tap++)
            past -= weighting[tap] * result[at - tap];
        frame->state[at] = ilbc_nearest(ilbc_state_levels, 8, target[at] - past);
        result[at] = past + ilbc_state_levels[frame->state[at]];
    }
}

#endif
