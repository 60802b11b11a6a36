/* Invariants of iLBC, for any payloads, losses and speech: a stream is never longer or shorter than its frames, what the encoder
 * writes reads back as the same parameters, a stream is heard again after whatever came before, and nothing outside of the buffers
 * is touched.
 */

#include "_ilbc_encoder.h"
#include "_ilbc_decoder.h"
#include "fuzz.h"

enum { MOST_FRAMES = 8 };

static int is_sound(const ilbc_decoder *coder) {
    for (int at = 0; at < ILBC_ORDER; at++)
        if (!(fabsf(coder->past[at]) < ILBC_LOUDEST))
            return 0;
    for (int at = 0; at < ILBC_PERIODS; at++)
        if (!(coder->enhancer.periods[at] >= 19.0f && coder->enhancer.periods[at] <= 119.0f))
            return 0;
    return coder->pitch >= 17 && coder->pitch <= 122;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input input = {data, data + size};
    int milliseconds = fuzz_octet(&input) & 1 ? 20 : 30, is_enhanced = fuzz_octet(&input) & 1;
    const ilbc_shape *shape = ilbc_shape_of(milliseconds);
    size_t octets = (size_t)shape->octets, count = (size_t)shape->samples;
    uint8_t *payload = malloc(octets), *again = malloc(octets);
    int16_t *samples = malloc(count * sizeof *samples), *heard = malloc(count * sizeof *heard);
    ilbc_encoder *encoder = malloc(sizeof *encoder);
    ilbc_decoder *decoder = malloc(sizeof *decoder);
    CHECK(payload && again && samples && heard && encoder && decoder);
    ilbc_encoder_begin(encoder, milliseconds);
    ilbc_decoder_begin(decoder, milliseconds, is_enhanced);
    for (int number = 0; number < MOST_FRAMES && input.at < input.end; number++) {
        ilbc_frame frame, read;
        switch (fuzz_octet(&input) % 4) {
        case 0:
            ilbc_decode(decoder, NULL, heard);
            CHECK(decoder->lost > 0);
            break;
        case 1: /* a payload of the network */
            for (size_t place = 0; place < octets; place++)
                payload[place] = fuzz_octet(&input);
            if (ilbc_unpack(shape, payload, &frame)) {
                ilbc_pack(shape, &frame, again);
                CHECK(!memcmp(payload, again, octets));
            }
            ilbc_decode(decoder, payload, heard);
            break;
        default: /* speech: what is not given repeats */
            for (size_t place = 0; place < count; place++)
                samples[place] = place < 40 ? (int16_t)fuzz_number(&input, 2) : samples[place - 40];
            ilbc_encode(encoder, samples, payload);
            CHECK(ilbc_unpack(shape, payload, &frame));
            ilbc_pack(shape, &frame, again);
            CHECK(!memcmp(payload, again, octets) && ilbc_unpack(shape, again, &read) && !memcmp(&frame, &read, sizeof frame));
            ilbc_decode(decoder, payload, heard);
            CHECK(!decoder->lost);
        }
        CHECK(is_sound(decoder));
    }
#ifdef SELF_TEST
    ((volatile uint8_t *)payload)[octets] = 0; /* the sanitizer has to see this */
#endif
    free(payload);
    free(again);
    free(samples);
    free(heard);
    free(encoder);
    free(decoder);
    return 0;
}
