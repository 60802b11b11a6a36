/* The decoder of iLBC with its concealment of lost frames (RFC 3951 section 4). */

#ifndef GLOBSTAR_ILBC_DECODER_H
#define GLOBSTAR_ILBC_DECODER_H

#include "_ilbc_codebook.h"
#include "_ilbc_enhancer.h"

#define ILBC_PERIODIC_SPAN 60 /* samples in which the pitch is looked for */
#define ILBC_LOUDEST 1e6f     /* more than any speech: filters that ring without end are stopped */

typedef struct {
    const ilbc_shape *shape;
    int is_enhanced;
    float frequencies[ILBC_ORDER];              /* of the last frame's last set */
    ilbc_polynomial synthesis[ILBC_MAX_BLOCKS]; /* of the last frame */
    float past[ILBC_ORDER];                     /* the last samples, for the synthesis filter */
    float high_pass[4];
    ilbc_enhancer enhancer;
    /* for concealment */
    float excitation[ILBC_MAX_SAMPLES]; /* of the last frame, made up or not */
    int pitch;
    float periodicity; /* 0 to 1, while frames are missing */
    int lost;          /* samples in a row */
    uint32_t seed;
} ilbc_decoder;

static void ilbc_decoder_begin(ilbc_decoder *coder, int milliseconds, int is_enhanced) {
    int block;
    memset(coder, 0, sizeof *coder);
    coder->shape = ilbc_shape_of(milliseconds);
    coder->is_enhanced = is_enhanced;
    coder->pitch = 20;
    coder->seed = 777;
    memcpy(coder->frequencies, ilbc_lsf_mean, sizeof ilbc_lsf_mean);
    for (block = 0; block < ILBC_MAX_BLOCKS; block++)
        coder->synthesis[block][0] = 1.0f;
    ilbc_enhancer_begin(&coder->enhancer);
}

/* The excitation that a frame describes, with the filters of its sub-blocks. */
static void ilbc_decode_frame(ilbc_decoder *coder, ilbc_frame *frame, float *excitation, ilbc_polynomial *synthesis) {
    const ilbc_shape *shape = coder->shape;
    float sets[2][ILBC_ORDER];
    int set;
    for (set = 0; set < shape->sets; set++)
        ilbc_lsf_read(frame->lsf[set], sets[set]);
    ilbc_interpolate(shape, coder->frequencies, (const float(*)[ILBC_ORDER])sets, synthesis);
    memcpy(coder->frequencies, sets[shape->sets - 1], sizeof sets[0]);
    ilbc_state_build(shape, frame, synthesis, excitation + ilbc_state_at(shape, frame));
    ilbc_surroundings(shape, frame, excitation, NULL, NULL);
}

/* How alike the end of ``excitation`` is to what was ``lag`` before it: 0 to 1, and by how much that explains it. */
static float ilbc_alike(const float *excitation, int count, int lag, float *periodicity) {
    int span = count - lag < ILBC_PERIODIC_SPAN ? count - lag : ILBC_PERIODIC_SPAN;
    const float *end = excitation + count - span;
    float match = ilbc_product(end, end - lag, span), older = ilbc_product(end - lag, end - lag, span);
    float newer = ilbc_product(end, end, span);
    *periodicity = older > 0.0f && newer > 0.0f ? ilbc_held(fabsf(match) / (sqrtf(older) * sqrtf(newer)), 0.0f, 1.0f) : 0.0f;
    return older > 0.0f ? match * match / older : 0.0f;
}

/* Excitation in place of a frame (section 4.5): the last one's pitch goes on, mixed with noise as far as it was no tone, and
 * fades away while nothing comes. */
static void ilbc_conceal(ilbc_decoder *coder, float *excitation) {
    int samples = coder->shape->samples, lag, at, repeated;
    const float *last = coder->excitation;
    float fade, tone, energy = 0.0f, noise[ILBC_MAX_SAMPLES];
    if (!coder->lost) {
        float most = -1.0f, likeness, periodicity;
        int guess = coder->pitch;
        for (lag = guess - 3; lag <= guess + 3; lag++) {
            likeness = ilbc_alike(last, samples, lag, &periodicity);
            if (likeness > most) {
                most = likeness;
                coder->pitch = lag;
                coder->periodicity = periodicity;
            }
        }
    }
    coder->lost += samples;
    fade = coder->lost <= 320 ? 1.0f : coder->lost <= 640 ? 0.9f : coder->lost <= 960 ? 0.7f : coder->lost <= 1280 ? 0.5f : 0.0f;
    tone = ilbc_held((sqrtf(coder->periodicity) - 0.4f) / 0.3f, 0.0f, 1.0f);
    repeated = coder->pitch < 80 ? 2 * coder->pitch : coder->pitch; /* two periods sound less like a machine */
    for (at = 0; at < samples; at++) {
        float gain = fade * (at < 80 ? 1.0f : at < 160 ? 0.95f : 0.9f), voiced;
        coder->seed = (coder->seed * 69069u + 1u) & 0x7fffffffu;
        lag = 50 + (int)(coder->seed % 70u);
        noise[at] = at < lag ? last[samples + at - lag] : noise[at - lag];
        voiced = at < repeated ? last[samples + at - repeated] : excitation[at - repeated];
        excitation[at] = gain * (tone * voiced + (1.0f - tone) * noise[at]);
        energy += excitation[at] * excitation[at];
    }
    if (sqrtf(energy / (float)samples) < 30.0f) /* in what is nearly silence a pitch would be heard */
        for (at = 0; at < samples; at++)
            excitation[at] = fade * noise[at];
}

/* The pitch at the end of a frame, to go on with if the next one is lost. */
static int ilbc_last_pitch(const float *excitation, int samples) {
    const float *end = excitation + samples - ILBC_PERIODIC_SPAN;
    float most = -1.0f;
    int best = 20, lag;
    for (lag = 20; lag < samples - ILBC_PERIODIC_SPAN && lag < 120; lag++) {
        float likeness = ilbc_likeness(end, end - lag, ILBC_PERIODIC_SPAN);
        if (likeness > most) {
            most = likeness;
            best = lag;
        }
    }
    return best;
}

/* Speech of ``shape->samples`` samples out of a payload of ``shape->octets``; without one, in place of a lost frame. */
static void ilbc_decode(ilbc_decoder *coder, const uint8_t *payload, int16_t *samples) {
    const ilbc_shape *shape = coder->shape;
    ilbc_polynomial synthesis[ILBC_MAX_BLOCKS];
    float excitation[ILBC_MAX_SAMPLES] = {0}, enhanced[ILBC_MAX_SAMPLES], speech[ILBC_ORDER + ILBC_MAX_SAMPLES];
    float *made = speech + ILBC_ORDER, *source = excitation;
    ilbc_frame frame;
    int was_lost = coder->lost > 0, pitch, late = coder->is_enhanced ? shape->delay / ILBC_BLOCK : 0, block, at;
    if (payload && ilbc_unpack(shape, payload, &frame)) {
        ilbc_decode_frame(coder, &frame, excitation, synthesis);
        coder->lost = 0;
    } else {
        for (block = 0; block < shape->blocks; block++)
            memcpy(synthesis[block], coder->synthesis[shape->blocks - 1], sizeof synthesis[block]);
        ilbc_conceal(coder, excitation);
    }
    memcpy(coder->excitation, excitation, sizeof excitation);
    if (coder->is_enhanced) {
        pitch = ilbc_enhance(&coder->enhancer, shape, was_lost && !coder->lost, excitation, enhanced);
        source = enhanced;
    } else {
        pitch = ilbc_last_pitch(excitation, shape->samples);
    }
    if (!coder->lost)
        coder->pitch = pitch;
    memcpy(speech, coder->past, sizeof coder->past);
    for (block = 0; block < shape->blocks; block++) {
        /* what the enhancer gives is older: the filters must be, too */
        const float *filter = block < late ? coder->synthesis[shape->blocks - late + block] : synthesis[block - late];
        ilbc_all_pole(filter, source + block * ILBC_BLOCK, made + block * ILBC_BLOCK, ILBC_BLOCK);
    }
    for (at = 0; at < shape->samples; at++)
        if (!(fabsf(made[at]) < ILBC_LOUDEST)) { /* a frame that no encoder makes */
            memset(speech, 0, sizeof speech);
            memset(coder->excitation, 0, sizeof coder->excitation);
            ilbc_enhancer_begin(&coder->enhancer);
            break;
        }
    memcpy(coder->past, made + shape->samples - ILBC_ORDER, sizeof coder->past);
    for (at = 0; at < ILBC_ORDER; at++)
        if (fabsf(coder->past[at]) < 1e-15f) /* numbers that small would slow everything down */
            coder->past[at] = 0.0f;
    memcpy(coder->synthesis, synthesis, sizeof(ilbc_polynomial) * (size_t)shape->blocks);
    ilbc_high_pass(ilbc_high_pass_out, coder->high_pass, made, made, shape->samples);
    for (at = 0; at < shape->samples; at++)
        samples[at] = (int16_t)lrintf(ilbc_held(made[at], -32768.0f, 32767.0f));
}

#endif
