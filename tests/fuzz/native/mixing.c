/* Invariants of native mixing, for any payloads and factors: each who speaks hears exactly the sum without itself, values saturate,
 * what a law expands it compresses to an octet that expands to the same, and nothing outside of the buffers is touched.
 */

#include "_mixing.h"
#include "fuzz.h"

enum { MOST_ROWS = 8, MOST_SAMPLES = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input input = {data, data + size};
    mix_law law = (mix_law)(fuzz_octet(&input) % 3);
    size_t rows = 1 + fuzz_octet(&input) % MOST_ROWS, samples = 1 + fuzz_octet(&input) % MOST_SAMPLES;
    size_t octets = mix_octets(law, samples);
    uint32_t bits = fuzz_number(&input, 4);
    float factor;
    uint8_t *payload = malloc(octets), *whole = malloc(octets);
    int16_t *said = malloc(rows * samples * sizeof *said), *louder = malloc(samples * sizeof *louder);
    int32_t *total = calloc(samples, sizeof *total), *others = malloc(samples * sizeof *others);
    CHECK(payload && whole && said && louder && total && others);
    if (!mix_tables[MIX_ULAW].shift)
        mix_prepare();
    memcpy(&factor, &bits, sizeof factor);
    for (size_t row = 0; row < rows; row++) {
        for (size_t place = 0; place < octets; place++)
            payload[place] = fuzz_octet(&input);
        mix_decode(law, payload, said + row * samples, samples);
        mix_add(said + row * samples, total, samples);
    }
    for (size_t row = 0; row < rows; row++) {
        const int16_t *own = said + row * samples;
        int32_t level = mix_level(own, samples);
        for (size_t place = 0; place < samples; place++) {
            others[place] = 0;
            for (size_t other = 0; other < rows; other++)
                others[place] += other == row ? 0 : said[other * samples + place];
        }
        mix_encode_others(law, total, own, payload, samples);
        mix_encode(law, others, whole, samples);
        CHECK(!memcmp(payload, whole, octets));
        mix_decode(law, payload, louder, samples);
        for (size_t place = 0; place < samples; place++) {
            int32_t wanted = mix_clip(others[place]), heard = louder[place];
            int32_t error = wanted > heard ? wanted - heard : heard - wanted;
            CHECK(law == MIX_LINEAR ? !error : error <= (wanted < 0 ? -wanted : wanted) / 16 + 20);
        }
        mix_scale(own, factor, louder, samples);
        if (factor >= 1.0f)
            for (size_t place = 0; place < samples; place++)
                CHECK(own[place] >= 0 ? louder[place] >= own[place] : louder[place] <= own[place]);
        CHECK(level >= 0 && level <= 32768);
    }
    for (int octet = 0; octet < 256 && law != MIX_LINEAR; octet++) {
        int16_t sample = mix_tables[law].expand[octet];
        int32_t sum = sample;
        mix_encode(law, &sum, whole, 1);
        CHECK(mix_tables[law].expand[whole[0]] == sample);
    }
#ifdef SELF_TEST
    ((volatile uint8_t *)payload)[octets] = 0; /* the sanitizer has to see this */
#endif
    free(payload);
    free(whole);
    free(said);
    free(louder);
    free(total);
    free(others);
    return 0;
}
