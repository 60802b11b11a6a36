/* The enhancer of iLBC (RFC 3951 section 4.6): what repeats at the pitch is mixed into each block of excitation, from three
 * periods before to three after it, so that noise of the coder becomes less.
 */

#ifndef GLOBSTAR_ILBC_ENHANCER_H
#define GLOBSTAR_ILBC_ENHANCER_H

#include "_ilbc_filters.h"

#define ILBC_ENHANCED 80    /* samples of a block of the enhancer */
#define ILBC_HISTORY 640    /* samples that are kept */
#define ILBC_PERIODS (ILBC_HISTORY / ILBC_ENHANCED)
#define ILBC_REACH 3        /* periods before and after a block */
#define ILBC_SLOP 2         /* samples by which a period is looked for around its place */
#define ILBC_QUARTERS 4
#define ILBC_HALF_TAPS 3
#define ILBC_MOST_CHANGE 0.05f /* of a block's energy */

typedef struct {
    float history[ILBC_HISTORY];
    float periods[ILBC_PERIODS]; /* the pitch around the middle of each block of the history, in samples */
} ilbc_enhancer;

static void ilbc_enhancer_begin(ilbc_enhancer *enhancer) {
    int at;
    memset(enhancer, 0, sizeof *enhancer);
    for (at = 0; at < ILBC_PERIODS; at++)
        enhancer->periods[at] = 40.0f;
}

/* How well ``other`` scaled to fit explains ``one``; zero if it has the opposite sign. */
static float ilbc_likeness(const float *one, const float *other, int count) {
    float match = ilbc_product(one, other, count), energy = ilbc_product(other, other, count);
    return match > 0.0f && energy > 0.0f ? match * match / energy : 0.0f;
}

/* The pitch of the blocks that came last (section 4.6.1), at half the sampling rate. */
static void ilbc_enhancer_periods(ilbc_enhancer *enhancer, int blocks) {
    float padded[ILBC_HISTORY + 3] = {0}, halved[ILBC_HISTORY / 2];
    int first = ILBC_HISTORY / 2 - blocks * ILBC_ENHANCED / 2, at, block, lag;
    memcpy(padded, enhancer->history, sizeof enhancer->history);
    for (at = first - 60; at < ILBC_HISTORY / 2; at++)
        halved[at] = ilbc_product(padded + 2 * at - 3, ilbc_halving_taps, 7);
    memmove(enhancer->periods, enhancer->periods + blocks, sizeof(float) * (size_t)(ILBC_PERIODS - blocks));
    for (block = 0; block < blocks; block++) {
        const float *target = halved + first + block * ILBC_ENHANCED / 2;
        float most = -1.0f;
        int best = 10;
        for (lag = 10; lag < 60; lag++) {
            float likeness = ilbc_likeness(target, target - lag, ILBC_ENHANCED / 2);
            if (likeness > most) {
                most = likeness;
                best = lag;
            }
        }
        enhancer->periods[ILBC_PERIODS - blocks + block] = 2.0f * (float)best;
    }
}

/* After a frame that was made up: what is still to be played of it becomes a passage into the new frame ``in``, which is the
 * end of the history already (section 4.6, last paragraph). */
static void ilbc_enhancer_join(ilbc_enhancer *enhancer, const float *in, int samples, int blocks, int length) {
    float back[ILBC_ENHANCED], *old = enhancer->history + ILBC_HISTORY - samples, most = -1.0f, made, was, limit = 1.0f;
    int guess = (int)enhancer->periods[ILBC_PERIODS - blocks], lag = guess, try, at;
    for (try = guess - 1; try <= guess + 1; try++) {
        float likeness = ilbc_likeness(in, in + try, length);
        if (likeness > most) {
            most = likeness;
            lag = try;
        }
    }
    enhancer->periods[ILBC_PERIODS - blocks - 1] = (float)lag;
    for (at = 0; at < length; at++) /* back[at] is at + 1 samples before the frame, one period before what it stands for */
        back[at] = lag > at ? in[lag - 1 - at] : old[lag - 1 - at];
    made = sqrtf(ilbc_product(back, back, length) / (float)length);
    was = sqrtf(ilbc_product(old - length, old - length, length) / (float)length);
    if (made > 2.0f * was)
        limit = 2.0f * was / made;
    for (at = 0; at < length; at++) {
        float share = (float)(at + 1) / (float)(length + 1);
        float held = at < 10 ? limit + (1.0f - limit) * (float)(10 - at) / 10.0f : limit;
        old[-1 - at] = share * old[-1 - at] + (1.0f - share) * held * back[at];
    }
}

static int ilbc_closest(const float *places, float place) {
    int best = 0, at;
    for (at = 1; at < ILBC_PERIODS; at++)
        if ((places[at] - place) * (places[at] - place) < (places[best] - place) * (places[best] - place))
            best = at;
    return best;
}

static inline float ilbc_sample(const float *history, int at) {
    return at >= 0 && at < ILBC_HISTORY ? history[at] : 0.0f;
}

/* The piece of the history around ``*place`` that is most like the block at ``center``, to a quarter of a sample (section
 * 4.6.2); ``*place`` becomes where it was found. */
static void ilbc_refine(const float *history, int center, float *place, float *piece) {
    float likeness[2 * ILBC_SLOP + 1], most = -INFINITY;
    int rounded = (int)(*place - 0.5f), from = rounded - ILBC_SLOP, to = rounded + ILBC_SLOP, count, at, quarter, tap, best = 0;
    if (from < 0)
        from = 0;
    if (to + ILBC_ENHANCED >= ILBC_HISTORY)
        to = ILBC_HISTORY - ILBC_ENHANCED - 1;
    count = to - from + 1;
    for (at = 0; at < count; at++)
        likeness[at] = ilbc_product(history + from + at, history + center, ILBC_ENHANCED);
    for (at = 0; at < count; at++)
        for (quarter = 0; quarter < ILBC_QUARTERS; quarter++) {
            float between = 0.0f;
            for (tap = -ILBC_SLOP; tap <= ILBC_SLOP; tap++)
                if (at + tap >= 0 && at + tap < count)
                    between += likeness[at + tap] * ilbc_quarter_taps[quarter][ILBC_HALF_TAPS - tap];
            if (between > most) {
                most = between;
                best = at * ILBC_QUARTERS + quarter;
            }
        }
    *place = (float)from + (float)best / ILBC_QUARTERS + 1.0f;
    at = from + (best + ILBC_QUARTERS - 1) / ILBC_QUARTERS;
    quarter = (ILBC_QUARTERS - best % ILBC_QUARTERS) % ILBC_QUARTERS;
    for (best = 0; best < ILBC_ENHANCED; best++) {
        float value = 0.0f;
        for (tap = -ILBC_HALF_TAPS; tap <= ILBC_HALF_TAPS; tap++)
            value += ilbc_sample(history, at + best + tap) * ilbc_quarter_taps[quarter][ILBC_HALF_TAPS + tap];
        piece[best] = value;
    }
}

/* One piece's part in the surroundings of the block at ``center``: pieces far away have less. */
static void ilbc_add_piece(const float *history, int center, float *place, int far, float *around) {
    float piece[ILBC_ENHANCED], weight = 0.5f * (1.0f - cosf(2.0f * ILBC_PI * (float)(ILBC_REACH + 1 - far) / 8.0f));
    int at;
    ilbc_refine(history, center, place, piece);
    for (at = 0; at < ILBC_ENHANCED; at++)
        around[at] += weight * piece[at];
}

/* The block at ``center`` with as much of its surroundings as changes it by ILBC_MOST_CHANGE at most (section 4.6.4). */
static void ilbc_smooth(const float *block, const float *around, float *out) {
    float energy = ilbc_product(block, block, ILBC_ENHANCED), common = ilbc_product(block, around, ILBC_ENHANCED);
    float others = ilbc_product(around, around, ILBC_ENHANCED), scale, changed = 0.0f, spread;
    int at;
    if (others < 1.0f)
        others = 1.0f;
    scale = sqrtf(energy / others);
    for (at = 0; at < ILBC_ENHANCED; at++) {
        out[at] = scale * around[at];
        changed += (block[at] - out[at]) * (block[at] - out[at]);
    }
    if (changed <= ILBC_MOST_CHANGE * energy)
        return;
    if (energy < 1.0f)
        energy = 1.0f;
    spread = (others / energy) - (common / energy) * (common / energy);
    if (spread > 0.0001f) {
        float share = sqrtf((ILBC_MOST_CHANGE - ILBC_MOST_CHANGE * ILBC_MOST_CHANGE / 4.0f) / spread);
        float own = 1.0f - ILBC_MOST_CHANGE / 2.0f - share * common / energy;
        for (at = 0; at < ILBC_ENHANCED; at++)
            out[at] = share * around[at] + own * block[at];
    } else {
        memcpy(out, block, sizeof(float) * ILBC_ENHANCED);
    }
}

/* The block of the history at ``center``, enhanced. */
static void ilbc_enhance_block(const ilbc_enhancer *enhancer, int center, float *out) {
    const float half = ILBC_ENHANCED / 2;
    float around[ILBC_ENHANCED] = {0}, middles[ILBC_PERIODS], ahead[ILBC_PERIODS], place = (float)center, period;
    int at, far;
    for (at = 0; at < ILBC_PERIODS; at++) {
        middles[at] = (float)(at * ILBC_ENHANCED) + half;
        ahead[at] = middles[at] - enhancer->periods[at]; /* from where this period leads to its block */
    }
    period = enhancer->periods[ilbc_closest(middles, (float)center + half - 0.5f)];
    for (far = 1; far <= ILBC_REACH; far++) {
        float before = period;
        place -= period;
        period = enhancer->periods[ilbc_closest(middles, place + half - before)];
        if (place - ILBC_SLOP >= 0.0f)
            ilbc_add_piece(enhancer->history, center, &place, far, around);
    }
    place = (float)center;
    for (far = 1; far <= ILBC_REACH; far++) {
        place += enhancer->periods[ilbc_closest(ahead, place + half)];
        if (place + ILBC_ENHANCED + ILBC_SLOP < ILBC_HISTORY)
            ilbc_add_piece(enhancer->history, center, &place, far, around);
    }
    ilbc_smooth(enhancer->history + center, around, out);
}

/* A frame of excitation goes in, one that is ``shape->delay`` older comes out. Returns the pitch at the end of what came. */
static int ilbc_enhance(ilbc_enhancer *enhancer, const ilbc_shape *shape, int is_after_loss, const float *in, float *out) {
    int samples = shape->samples, blocks = samples / ILBC_ENHANCED, block;
    memmove(enhancer->history, enhancer->history + samples, sizeof(float) * (size_t)(ILBC_HISTORY - samples));
    memcpy(enhancer->history + ILBC_HISTORY - samples, in, sizeof(float) * (size_t)samples);
    ilbc_enhancer_periods(enhancer, blocks);
    if (is_after_loss)
        ilbc_enhancer_join(enhancer, in, samples, blocks, shape->delay);
    for (block = 0; block < blocks; block++)
        ilbc_enhance_block(enhancer, ILBC_HISTORY - samples - shape->delay + block * ILBC_ENHANCED, out + block * ILBC_ENHANCED);
    return (int)enhancer->periods[ILBC_PERIODS - 1];
}

#endif
