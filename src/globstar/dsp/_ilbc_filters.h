/* Linear prediction and filters of iLBC (RFC 3951 sections 3.1 to 3.3, 4.1, 4.7 and 4.8). Polynomials have ILBC_ORDER + 1
 * coefficients, the first is one.
 */

#ifndef GLOBSTAR_ILBC_FILTERS_H
#define GLOBSTAR_ILBC_FILTERS_H

#include <math.h>
#include <string.h>

#include "_ilbc_bits.h"
#include "_ilbc_tables.h"

#define ILBC_PI 3.14159265358979323846f
#define ILBC_LOOK_BACK 60 /* older samples that linear prediction sees */
#define ILBC_GRID 256     /* steps in which roots are looked for */

typedef float ilbc_polynomial[ILBC_ORDER + 1];

static inline float ilbc_product(const float *one, const float *other, int count) {
    float sums[8] = {0};
    float rest = 0.0f;
    int at = 0, lane;
    for (; at + 8 <= count; at += 8)
        for (lane = 0; lane < 8; lane++)
            sums[lane] += one[at + lane] * other[at + lane];
    for (; at < count; at++)
        rest += one[at] * other[at];
    return rest + (((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7])));
}

static inline float ilbc_held(float value, float low, float high) {
    return value < low ? low : value > high ? high : value;
}

/* The all-pole filter 1/A. ``out`` has ILBC_ORDER older samples before it; it may be ``in``. */
static void ilbc_all_pole(const float *poles, const float *in, float *out, int count) {
    int at, tap;
    for (at = 0; at < count; at++) {
        float value = in[at];
        for (tap = 1; tap <= ILBC_ORDER; tap++)
            value -= poles[tap] * out[at - tap];
        out[at] = value;
    }
}

/* The all-zero filter. ``in`` has ILBC_ORDER older samples before it. */
static void ilbc_all_zero(const float *zeros, const float *in, float *out, int count) {
    int at, tap;
    for (at = 0; at < count; at++) {
        float value = zeros[0] * in[at];
        for (tap = 1; tap <= ILBC_ORDER; tap++)
            value += zeros[tap] * in[at - tap];
        out[at] = value;
    }
}

/* A high-pass filter of the second order; ``memory`` has two samples of what went in and two of what came out. */
static void ilbc_high_pass(const float *filter, float *memory, const float *in, float *out, int count) {
    int at;
    for (at = 0; at < count; at++) {
        float sample = in[at];
        float value = filter[0] * sample + filter[1] * memory[0] + filter[2] * memory[1] - filter[3] * memory[2]
                      - filter[4] * memory[3];
        memory[1] = memory[0];
        memory[0] = sample;
        memory[3] = memory[2];
        memory[2] = fabsf(value) < 1e-15f ? 0.0f : value; /* numbers that small would slow everything down */
        out[at] = value;
    }
}

/* ``of`` with its k-th coefficient times ``by`` to the k. */
static void ilbc_widen_bands(const float *of, float by, float *wide) {
    float power = 1.0f;
    int tap;
    for (tap = 0; tap <= ILBC_ORDER; tap++, power *= by)
        wide[tap] = of[tap] * power;
}

/* Linear prediction of windowed speech by Levinson's and Durbin's method (sections 3.2.1 and 3.2.2). */
static void ilbc_predict(const float *speech, const float *window, float *polynomial) {
    float windowed[ILBC_MAX_SAMPLES];
    double correlation[ILBC_ORDER + 1], solved[ILBC_ORDER + 1] = {1.0}, error;
    int at, lag, order;
    for (at = 0; at < ILBC_MAX_SAMPLES; at++)
        windowed[at] = speech[at] * window[at];
    for (lag = 0; lag <= ILBC_ORDER; lag++) {
        /* a window of 60 Hz, and white noise 40 dB below */
        double turn = 2.0 * 3.14159265358979323846 * 60.0 / 8000.0 * lag;
        correlation[lag] = ilbc_product(windowed, windowed + lag, ILBC_MAX_SAMPLES - lag);
        if (lag)
            correlation[lag] *= exp(-0.5 * turn * turn) / 1.0001;
    }
    error = correlation[0];
    for (order = 1; order <= ILBC_ORDER && error > 1e-9; order++) {
        double reflection = correlation[order], before;
        for (lag = 1; lag < order; lag++)
            reflection += solved[lag] * correlation[order - lag];
        reflection /= -error;
        for (lag = 1; lag <= order / 2; lag++) {
            before = solved[lag];
            solved[lag] += reflection * solved[order - lag];
            if (lag != order - lag)
                solved[order - lag] += reflection * before;
        }
        solved[order] = reflection;
        error *= 1.0 - reflection * reflection;
    }
    for (lag = 0; lag <= ILBC_ORDER; lag++)
        polynomial[lag] = (float)solved[lag];
}

/* The value on the unit circle of a symmetric polynomial of order ten, where cos(frequency) is ``x``. */
static inline double ilbc_on_circle(const double *half, double x) {
    double last = 0.0, before = 0.0;
    int at;
    for (at = 0; at < 5; at++) {
        double next = 2.0 * x * last - before + half[at];
        before = last;
        last = next;
    }
    return x * last - before + 0.5 * half[5];
}

/* The line spectral frequencies of a polynomial, in radians (section 3.2.3). Zero if not all are found. */
static int ilbc_to_frequencies(const float *polynomial, float *lsf) {
    double half[2][6] = {{1.0}, {1.0}};
    int which, at, found, step;
    for (at = 1; at < 6; at++) {
        half[0][at] = polynomial[at] + polynomial[ILBC_ORDER + 1 - at] - half[0][at - 1];
        half[1][at] = polynomial[at] - polynomial[ILBC_ORDER + 1 - at] + half[1][at - 1];
    }
    for (which = 0; which < 2; which++) {
        double low = 0.0, value = ilbc_on_circle(half[which], 1.0);
        for (found = 0, step = 1; step <= ILBC_GRID && found < 5; step++) {
            double high = 3.14159265358979323846 * step / ILBC_GRID, next = ilbc_on_circle(half[which], cos(high));
            if ((value < 0.0) != (next < 0.0)) {
                double from = low, to = high, middle = 0.0;
                for (at = 0; at < 16; at++) {
                    middle = 0.5 * (from + to);
                    if ((ilbc_on_circle(half[which], cos(middle)) < 0.0) == (value < 0.0))
                        from = middle;
                    else
                        to = middle;
                }
                lsf[2 * found++ + which] = (float)middle;
            }
            low = high;
            value = next;
        }
        if (found < 5)
            return 0;
    }
    for (at = 1; at < ILBC_ORDER; at++)
        if (!(lsf[at] > lsf[at - 1]))
            return 0;
    return 1;
}

/* The polynomial that has these line spectral frequencies (section 3.2.7). */
static void ilbc_to_polynomial(const float *lsf, float *polynomial) {
    float sums[2][7];
    int which, at, pair;
    for (which = 0; which < 2; which++) {
        float *product = sums[which];
        memset(product, 0, sizeof sums[which]);
        product[0] = 1.0f; /* product[k] is the coefficient of z^-k; it is symmetric, so that six are enough */
        for (pair = 0; pair < 5; pair++) {
            float twice = -2.0f * cosf(lsf[2 * pair + which]);
            int highest = 2 * pair + 2 < 6 ? 2 * pair + 2 : 6;
            for (at = highest; at > 0; at--)
                product[at] += twice * product[at - 1] + (at > 1 ? product[at - 2] : 0.0f);
        }
    }
    polynomial[0] = 1.0f;
    for (at = 1; at <= 5; at++) {
        float sum = sums[0][at] + sums[0][at - 1], difference = sums[1][at] - sums[1][at - 1];
        polynomial[at] = 0.5f * (sum + difference);
        polynomial[ILBC_ORDER + 1 - at] = 0.5f * (sum - difference);
    }
}

/* Keep frequencies apart by 50 Hz at least and within what there is (section 3.2.5): twice, as one may push another. */
static void ilbc_stabilize(float *lsf) {
    const float apart = 0.039f, half = 0.0195f;
    int round, at;
    for (round = 0; round < 2; round++)
        for (at = 0; at < ILBC_ORDER - 1; at++) {
            if (lsf[at + 1] - lsf[at] < apart) {
                if (lsf[at + 1] < lsf[at]) {
                    lsf[at + 1] = lsf[at] + half;
                } else {
                    lsf[at] -= half;
                    lsf[at + 1] += half;
                }
            }
            lsf[at] = ilbc_held(lsf[at], 0.01f, 3.14f);
        }
}

/* A part of the codebook of frequencies. */
typedef struct {
    const int16_t *entries;
    int first, width, count;
} ilbc_lsf_part;

static const ilbc_lsf_part ilbc_lsf_parts[3] = {
    {ilbc_lsf_low, 0, 3, 64}, {ilbc_lsf_middle, 3, 3, 128}, {ilbc_lsf_high, 6, 4, 128},
};

static void ilbc_lsf_read(const int *chosen, float *lsf) {
    int part, at;
    for (part = 0; part < 3; part++) {
        const ilbc_lsf_part *book = &ilbc_lsf_parts[part];
        for (at = 0; at < book->width; at++)
            lsf[book->first + at] = book->entries[chosen[part] * book->width + at] / 8192.0f;
    }
    ilbc_stabilize(lsf);
}

static void ilbc_lsf_choose(const float *lsf, int *chosen) {
    int part, entry, at;
    for (part = 0; part < 3; part++) {
        const ilbc_lsf_part *book = &ilbc_lsf_parts[part];
        float best = INFINITY;
        chosen[part] = 0;
        for (entry = 0; entry < book->count; entry++) {
            float distance = 0.0f;
            for (at = 0; at < book->width; at++) {
                float off = lsf[book->first + at] - book->entries[entry * book->width + at] / 8192.0f;
                distance += off * off;
            }
            if (distance < best) {
                best = distance;
                chosen[part] = entry;
            }
        }
    }
}

/* The polynomials of all sub-blocks, between the last frame's frequencies and this one's (section 3.2.6). */
static void ilbc_interpolate(const ilbc_shape *shape, const float *older, const float (*sets)[ILBC_ORDER],
                             ilbc_polynomial *polynomials) {
    const float *weights = shape->sets == 1 ? ilbc_weights_20ms : ilbc_weights_30ms;
    float lsf[ILBC_ORDER];
    int block, at;
    for (block = 0; block < shape->blocks; block++) {
        const float *from = shape->sets == 1 || block == 0 ? older : sets[0];
        const float *to = shape->sets == 1 || block == 0 ? sets[0] : sets[1];
        for (at = 0; at < ILBC_ORDER; at++)
            lsf[at] = weights[block] * from[at] + (1.0f - weights[block]) * to[at];
        ilbc_to_polynomial(lsf, polynomials[block]);
    }
}

#endif
