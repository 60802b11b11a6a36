/* The encoder of iLBC (RFC 3951 section 3). */

#ifndef GLOBSTAR_ILBC_ENCODER_H
#define GLOBSTAR_ILBC_ENCODER_H

#include "_ilbc_codebook.h"

#define ILBC_SEEN (ILBC_LOOK_BACK + ILBC_MAX_SAMPLES)

typedef struct {
    const ilbc_shape *shape;
    float high_pass[4];
    float seen[ILBC_SEEN];               /* the last samples, filtered, the newest at the end */
    float unquantized[ILBC_ORDER];       /* the last frequencies as they were */
    float quantized[ILBC_ORDER];         /* and as the decoder knows them */
    float past[ILBC_ORDER];              /* the last samples, for the analysis filter */
    float windows[2][ILBC_MAX_SAMPLES];  /* symmetric; and leaning towards the newest samples */
} ilbc_encoder;

static void ilbc_encoder_begin(ilbc_encoder *coder, int milliseconds) {
    int at;
    memset(coder, 0, sizeof *coder);
    coder->shape = ilbc_shape_of(milliseconds);
    memcpy(coder->quantized, ilbc_lsf_mean, sizeof ilbc_lsf_mean);
    memcpy(coder->unquantized, ilbc_lsf_mean, sizeof ilbc_lsf_mean);
    for (at = 0; at < ILBC_MAX_SAMPLES; at++) {
        float symmetric = sinf(ILBC_PI * (float)(at + 1) / 241.0f), rising = sinf(ILBC_PI * (float)(at + 1) / 441.0f);
        coder->windows[0][at] = symmetric * symmetric;
        coder->windows[1][at] = at < 220 ? rising * rising : cosf(ILBC_PI * (float)(at - 220) / 40.0f);
    }
}

/* Linear prediction of the newest frame: the filters of its sub-blocks, as the decoder will have them, and those that weigh
 * errors by how they are heard (section 3.2). */
static void ilbc_encoder_spectrum(ilbc_encoder *coder, ilbc_frame *frame, ilbc_polynomial *synthesis,
                                  ilbc_polynomial *weightings) {
    const ilbc_shape *shape = coder->shape;
    float lsf[2][ILBC_ORDER], rough[2][ILBC_ORDER];
    ilbc_polynomial polynomial;
    int set, block;
    for (set = 0; set < shape->sets; set++) {
        int is_last = set == shape->sets - 1;
        ilbc_predict(coder->seen + (is_last ? ILBC_LOOK_BACK : 0), coder->windows[is_last], polynomial);
        ilbc_widen_bands(polynomial, 0.9025f, polynomial);
        if (!ilbc_to_frequencies(polynomial, lsf[set])) /* nothing that speech makes */
            memcpy(lsf[set], set ? lsf[0] : coder->unquantized, sizeof lsf[set]);
        ilbc_lsf_choose(lsf[set], frame->lsf[set]);
        ilbc_lsf_read(frame->lsf[set], rough[set]);
    }
    ilbc_interpolate(shape, coder->quantized, (const float(*)[ILBC_ORDER])rough, synthesis);
    ilbc_interpolate(shape, coder->unquantized, (const float(*)[ILBC_ORDER])lsf, weightings);
    for (block = 0; block < shape->blocks; block++)
        ilbc_widen_bands(weightings[block], 0.4222f, weightings[block]);
    memcpy(coder->unquantized, lsf[shape->sets - 1], sizeof lsf[0]);
    memcpy(coder->quantized, rough[shape->sets - 1], sizeof rough[0]);
}

/* Where the two sub-blocks with most energy are, and in which part of them the state is (section 3.4). */
static void ilbc_encoder_place(const ilbc_shape *shape, const float *residual, ilbc_frame *frame) {
    static const float leaning[5] = {0.8f, 0.9f, 1.0f, 0.9f, 0.8f};
    float most = -1.0f;
    int start, at, span = 2 * ILBC_BLOCK;
    frame->start = 1;
    for (start = 1; start < shape->blocks; start++) {
        const float *pair = residual + (start - 1) * ILBC_BLOCK;
        float energy = ilbc_product(pair + 5, pair + 5, span - 10);
        for (at = 0; at < 5; at++) { /* the edges count less */
            float share = (float)(at + 1) / 6.0f;
            energy += share * (pair[at] * pair[at] + pair[span - 1 - at] * pair[span - 1 - at]);
        }
        energy *= leaning[start - 1 + (shape->sets == 1 ? 1 : 0)];
        if (energy > most) {
            most = energy;
            frame->start = start;
        }
    }
    residual += (frame->start - 1) * ILBC_BLOCK;
    frame->state_first = ilbc_product(residual, residual, shape->state)
                         > ilbc_product(residual + span - shape->state, residual + span - shape->state, shape->state);
}

/* One frame of ``shape->samples`` samples to ``shape->octets`` octets. */
static void ilbc_encode(ilbc_encoder *coder, const int16_t *samples, uint8_t *payload) {
    const ilbc_shape *shape = coder->shape;
    ilbc_polynomial synthesis[ILBC_MAX_BLOCKS], weightings[ILBC_MAX_BLOCKS];
    float speech[ILBC_ORDER + ILBC_MAX_SAMPLES], residual[ILBC_MAX_SAMPLES], decoded[ILBC_MAX_SAMPLES] = {0};
    float *newest = coder->seen + ILBC_SEEN - shape->samples;
    ilbc_frame frame = {0};
    int at;
    memmove(coder->seen, coder->seen + shape->samples, sizeof(float) * (size_t)(ILBC_SEEN - shape->samples));
    for (at = 0; at < shape->samples; at++)
        newest[at] = samples[at];
    ilbc_high_pass(ilbc_high_pass_in, coder->high_pass, newest, newest, shape->samples);
    ilbc_encoder_spectrum(coder, &frame, synthesis, weightings);
    memcpy(speech, coder->past, sizeof coder->past);
    memcpy(speech + ILBC_ORDER, newest, sizeof(float) * (size_t)shape->samples);
    for (at = 0; at < shape->samples; at += ILBC_BLOCK)
        ilbc_all_zero(synthesis[at / ILBC_BLOCK], speech + ILBC_ORDER + at, residual + at, ILBC_BLOCK);
    memcpy(coder->past, speech + shape->samples, sizeof coder->past);
    ilbc_encoder_place(shape, residual, &frame);
    at = ilbc_state_at(shape, &frame);
    ilbc_state_choose(shape, &frame, residual + at, synthesis, weightings);
    ilbc_state_build(shape, &frame, synthesis, decoded + at);
    ilbc_surroundings(shape, &frame, decoded, residual, weightings);
    ilbc_pack(shape, &frame, payload);
}

#endif
