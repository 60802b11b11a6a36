/* Drives a target: `int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)`. With clang that is libFuzzer's work; where there is
 * none, this main mutates by chance: `fuzz -max_total_time=SECONDS -seed=NUMBER [file]`; a file is tried alone.
 */

#ifndef GLOBSTAR_FUZZ_H
#define GLOBSTAR_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A broken invariant ends the process, in both ways of driving. */
#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "INVARIANT BROKEN at line %d: %s\n", __LINE__, #condition); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An input as a stream of numbers; beyond its end there are zeros. */
typedef struct {
    const uint8_t *at, *end;
} fuzz_input;

static inline uint8_t fuzz_octet(fuzz_input *input) { return input->at < input->end ? *input->at++ : 0; }

static inline uint32_t fuzz_number(fuzz_input *input, int octets) {
    uint32_t value = 0;
    while (octets--)
        value = value << 8 | fuzz_octet(input);
    return value;
}

#ifndef LIBFUZZER

enum { FUZZ_LONGEST = 4096 };
static uint8_t fuzz_data[FUZZ_LONGEST];
static size_t fuzz_size;

static uint64_t fuzz_state;
static uint32_t fuzz_chance(uint32_t below) { /* xorshift64* */
    fuzz_state ^= fuzz_state >> 12;
    fuzz_state ^= fuzz_state << 25;
    fuzz_state ^= fuzz_state >> 27;
    return (uint32_t)((fuzz_state * 0x2545F4914F6CDD1DULL) >> 33) % below;
}

/* Some changes to what was tried last, or something new. */
static void fuzz_mutate(void) {
    static const uint8_t edges[] = {0, 1, 0x7F, 0x80, 0x81, 0xC8, 0xFE, 0xFF};
    uint32_t count = 1 + fuzz_chance(6);
    if (fuzz_size < 16 || !fuzz_chance(50)) {
        fuzz_size = 16 + fuzz_chance(FUZZ_LONGEST - 16);
        for (size_t place = 0; place < fuzz_size; place++)
            fuzz_data[place] = (uint8_t)fuzz_chance(256);
    }
    while (count--) {
        size_t place = fuzz_chance((uint32_t)fuzz_size), from;
        switch (fuzz_chance(5)) {
        case 0: fuzz_data[place] ^= (uint8_t)(1u << fuzz_chance(8)); break;
        case 1: fuzz_data[place] = edges[fuzz_chance(sizeof edges)]; break;
        case 2: fuzz_data[place] = (uint8_t)fuzz_chance(256); break;
        case 3: fuzz_size = 16 + fuzz_chance((uint32_t)fuzz_size); break;
        default:
            from = fuzz_chance((uint32_t)fuzz_size);
            memmove(fuzz_data + place, fuzz_data + from, fuzz_size - (place > from ? place : from));
        }
        if (fuzz_size > FUZZ_LONGEST)
            fuzz_size = FUZZ_LONGEST;
    }
}

int main(int count, char **arguments) {
    double seconds = 1;
    unsigned long seed = 1, runs = 0;
    struct timespec begin, now;
    for (int index = 1; index < count; index++) {
        FILE *file;
        if (sscanf(arguments[index], "-max_total_time=%lf", &seconds) == 1 || sscanf(arguments[index], "-seed=%lu", &seed) == 1)
            continue;
        if (arguments[index][0] == '-' || !(file = fopen(arguments[index], "rb")))
            continue;
        fuzz_size = fread(fuzz_data, 1, FUZZ_LONGEST, file);
        fclose(file);
        return LLVMFuzzerTestOneInput(fuzz_data, fuzz_size);
    }
    fuzz_state = seed * 0x9E3779B97F4A7C15ULL + 1;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        for (int index = 0; index < 100; index++, runs++) {
            fuzz_mutate();
            LLVMFuzzerTestOneInput(fuzz_data, fuzz_size);
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((double)(now.tv_sec - begin.tv_sec) + (double)(now.tv_nsec - begin.tv_nsec) * 1e-9 < seconds);
    fprintf(stderr, "stat::number_of_executed_units: %lu\n", runs);
    return 0;
}

#endif
#endif
