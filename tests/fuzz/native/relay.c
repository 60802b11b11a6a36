/* Invariants of the native relay, for any datagrams in any order:
 *
 * - what parks is untouched, and so are the numbers of its path;
 * - what is sent on differs from what came in type, sequence number, timestamp and SSRC only, each by its rule, and has no header
 *   extension;
 * - with `asks` what comes after a gap parks, with `names` what another stream is named in; with `keeps` what was sent is kept, and
 *   with `notes` no more is noted than there is room for, each packet with the number in its extension;
 * - a packet is counted once, jitter stays a number, and nothing outside of the buffer is touched (the sanitizers see to that);
 * - a packet is dropped only when its encryption is wrong, or it cannot be encrypted;
 * - an address that is taken is shown as it was;
 * - a packet in a channel of TURN is what the header says, comes out of a datagram as it went in, and nothing else does;
 * - of streams that share a socket a packet is counted by the one whose source it has, and by no other.
 */

#include "_relay.h"
#include "fuzz.h"

enum { TAG = 10 };

/* A cipher of our own: every octet of the payload is turned over, the tag is a sum. */
typedef struct {
    int seals;
    uint32_t fails_after;
    uint32_t calls;
} toy;

static uint8_t sum_of(const uint8_t *packet, int size) {
    uint8_t sum = 0x5A;
    for (int place = 0; place < size; place++)
        sum = (uint8_t)(sum * 31 + packet[place]);
    return sum;
}

static void turn_over(uint8_t *packet, int size) {
    for (int place = RELAY_HEADER; place < size; place++)
        packet[place] ^= 0xFF;
}

static int transform(void *session, void *data, int *size) {
    toy *own = session;
    uint8_t *packet = data;
    CHECK(*size >= RELAY_HEADER || !own->seals);
    if (own->calls++ >= own->fails_after)
        return own->calls % 2 ? RELAY_REPLAYED : 15;
    if (own->seals) {
        turn_over(packet, *size);
        memset(packet + *size, sum_of(packet, *size), TAG);
        *size += TAG;
        return 0;
    }
    if (*size < TAG)
        return 7;
    for (int place = *size - TAG; place < *size; place++)
        if (packet[place] != sum_of(packet, *size - TAG))
            return 7;
    *size -= TAG;
    turn_over(packet, *size);
    return 0;
}

static int is_same(const relay_path *one, const relay_path *other) {
    return one->next_sequence == other->next_sequence && one->cycles == other->cycles && one->received == other->received &&
           one->octets == other->octets && one->rtp_time == other->rtp_time && one->jitter == other->jitter &&
           one->not_sent == other->not_sent && one->last_received == other->last_received && one->history == other->history &&
           one->regular_since == other->regular_since;
}

/* An address that is taken is shown so that it is taken again, as the same. */
static void check_address(fuzz_input *input) {
    static const char letters[] = "0123456789abcdef:.";
    char host[64] = "127.0.0.1", shown[INET6_ADDRSTRLEN];
    int length = fuzz_octet(input) % 48, port = (int)fuzz_number(input, 2);
    relay_peer peer, again;
    for (int place = 0; place < length; place++) {
        host[place] = letters[fuzz_octet(input) % (sizeof letters - 1)];
        host[place + 1] = 0;
    }
    if (relay_set_peer(&peer, host, port))
        return;
    CHECK(relay_show_peer(&peer, shown) == port && !relay_set_peer(&again, shown, port) && relay_is_same(&peer, &again));
    CHECK(relay_set_peer(&again, shown, port ^ 1) || !relay_is_same(&peer, &again));
}

/* Wrapping and unwrapping are each other's reverse; a datagram of any octets is refused or gives a packet within it. */
static void check_channel(fuzz_input *input) {
    int length = (int)(fuzz_number(input, 2) % (RELAY_DATAGRAM + 1)), size = length, inner;
    relay_path path = {.channel_in = (uint16_t)fuzz_number(input, 2), .channel_out = (uint16_t)fuzz_number(input, 2)};
    uint8_t *whole = malloc(RELAY_LEAD + RELAY_ROOM), *buffer = malloc((size_t)length + RELAY_LEAD), *sent;
    CHECK(whole && buffer);
    CHECK(relay_place(&path, whole) == (path.channel_in ? whole : whole + RELAY_LEAD));
    for (int place = 0; place < length; place++)
        buffer[place] = place < 8 ? fuzz_octet(input) : (uint8_t)place;
    inner = relay_unwrap(&path, buffer, length);
    CHECK(inner >= -1 && inner <= length - (path.channel_in ? RELAY_LEAD * (inner >= 0) : 0));
    CHECK(path.channel_in || inner == length);
    memcpy(whole + RELAY_LEAD, buffer, (size_t)length);
    sent = relay_wrap(&path, whole, &size);
    CHECK(size == length + (path.channel_out ? RELAY_LEAD : 0) && sent + size == whole + RELAY_LEAD + length);
    CHECK(!memcmp(whole + RELAY_LEAD, buffer, (size_t)length));
    path.channel_in = path.channel_out;
    CHECK(relay_unwrap(&path, sent, size) == length);
    if (path.channel_in) {
        CHECK(relay_unwrap(&path, sent, size + fuzz_octet(input) % 4) == length); /* filled up, as over streams */
        CHECK(!length || relay_unwrap(&path, sent, size - 1) == -1);
        path.channel_in ^= 1;
        CHECK(!path.channel_in || relay_unwrap(&path, sent, size) == -1);
    }
    free(whole);
    free(buffer);
}

/* Streams of one socket: the packet's own is found, or the first. */
static void check_bundle(fuzz_input *input) {
    relay_path paths[4] = {{0}};
    uint8_t packet[RELAY_HEADER];
    int count = 1 + fuzz_octet(input) % 4, size = fuzz_octet(input) % (RELAY_HEADER + 1);
    relay_path *found;
    for (int index = 0; index < count; index++) {
        paths[index].source = fuzz_number(input, 1);
        paths[index].next = index + 1 < count ? &paths[index + 1] : NULL;
    }
    memset(packet, 0, sizeof packet);
    packet[RELAY_HEADER - 1] = fuzz_octet(input);
    found = relay_find(paths, packet, size);
    CHECK(found >= paths && found < paths + count);
    if (count > 1 && size == RELAY_HEADER)
        for (relay_path *path = paths; path && path != found; path = path->next)
            CHECK(path->source != packet[RELAY_HEADER - 1] || found == paths);
    CHECK(found == paths || (size == RELAY_HEADER && found->source == packet[RELAY_HEADER - 1]));
}

/* The elements of a header extension of the short form, one after the other: what is found lies within. */
static void check_element(const uint8_t *packet, int start, int number) {
    int size = -1;
    const uint8_t *found = feedback_element(packet, start, number, &size);
    CHECK(!found || (size >= 0 && found > packet + RELAY_HEADER + 4 && found + size <= packet + start));
    CHECK(!found || start >= RELAY_HEADER + 4);
}

/* Which of the last packets have come; a gap leaves what it skips as missing, and nothing else. */
static int has_come(const relay_path *path, int behind) {
    int64_t count = path->cycles + (uint16_t)(path->next_sequence - 1) - path->regular_since;
    if (behind < count)
        return 1;
    return behind - count < RELAY_HISTORY && path->history >> (behind - count) & 1;
}

static void check_history(const relay_path *path, const relay_path *last, int gap) {
    CHECK(has_come(path, 0));
    for (int behind = 1; behind < 40; behind++) {
        if (behind <= gap)
            CHECK(!has_come(path, behind));
        else if (gap && behind - gap - 1 < 20) /* without a gap nothing is noted; beyond the record nothing is known */
            CHECK(has_come(path, behind) == has_come(last, behind - gap - 1));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input input = {data, data + size};
    uint8_t table[256], flags = fuzz_octet(&input), wants;
    uint32_t clocks[128] = {0};
    toy opening = {0, flags & 8 ? fuzz_octet(&input) : UINT32_MAX, 0}, sealing = {1, flags & 16 ? fuzz_octet(&input) : UINT32_MAX, 0};
    relay_cipher opens = {.session = &opening, .rtp = transform}, seals = {.session = &sealing, .rtp = transform};
    relay_path path = {.table = table, .clocks = clocks, .sees_digits = flags & 1};
    uint8_t *packet = malloc(RELAY_ROOM), *before = malloc(RELAY_ROOM);
    feedback_kept *kept = calloc(1, sizeof *kept);
    feedback_arrivals *notes = calloc(1, sizeof *notes);
    double now = 1;
    CHECK(packet && before && kept && notes);
    pthread_mutex_init(&kept->guard, NULL);
    pthread_mutex_init(&opens.guard, NULL);
    pthread_mutex_init(&seals.guard, NULL);
    if (flags & 2)
        path.opens = &opens;
    if (flags & 4)
        path.seals = &seals;
    if (flags & 32) {
        opens.mki = 1 + fuzz_octet(&input) % 128;
        opens.tag = flags & 64 ? TAG : 0;
    }
    memset(table, RELAY_NOT_RELAYED, sizeof table);
    for (int index = 0; index < 4; index++) {
        uint8_t theirs = fuzz_octet(&input) & 0x7F, ours = fuzz_octet(&input) & 0x7F;
        table[theirs] = ours;
        table[theirs | 0x80] = ours | 0x80;
        clocks[theirs] = index ? fuzz_number(&input, 2) : 0;
    }
    path.history = 1;
    path.source = fuzz_number(&input, 1);
    path.ssrc = fuzz_number(&input, 4);
    path.next_sequence = (uint16_t)fuzz_number(&input, 2);
    path.regular_since = (uint16_t)(path.next_sequence - 1);
    path.shift_sequence = (uint16_t)fuzz_number(&input, 2);
    path.shift_time = fuzz_number(&input, 4);
    wants = fuzz_octet(&input);
    if (wants & 1)
        path.keeps = kept;
    if (wants & 2)
        path.notes = notes;
    path.asks = wants >> 2 & 1;
    path.names = (uint8_t)(wants >> 3 & 3);
    path.name_size = wants >> 4 & 1;
    path.name[0] = wants;
    notes->extension = 1 + (uint8_t)(wants >> 5);
    check_address(&input);
    check_channel(&input);
    check_bundle(&input);
    while (input.at < input.end) {
        uint8_t kind = fuzz_octet(&input);
        int length = (int)(fuzz_number(&input, 2) % (RELAY_DATAGRAM + 1)), plain, known;
        relay_path last;
        relay_digit digit = {0};
        relay_verdict verdict;
        uint16_t sequence;
        int gap, start;
        if (kind & 1 && length > 400)
            length %= 400;
        for (int place = 0; place < length; place++)
            packet[place] = place < 64 ? fuzz_octet(&input) : (uint8_t)(place * kind);
        if (kind & 2 && length >= RELAY_HEADER) { /* the next one, with what of it is kept */
            packet[0] = packet[0] & 0x10 ? 0x90 : 0x80;
            if (packet[0] == 0x90 && length > 20) {
                packet[12] = kind & 64 ? 0xBE : 0x10;
                packet[13] = kind & 64 ? 0xDE : 0;
                packet[14] = 0;
                packet[15] &= 7;
            }
            uint16_t number = (uint16_t)(path.next_sequence + (kind & 8 ? fuzz_number(&input, kind & 16 ? 2 : 1) % (kind & 32 ? 80 : 65536) : 0));
            packet[2] = (uint8_t)(number >> 8);
            packet[3] = (uint8_t)number;
            relay_put(packet + 8, path.source);
            if (kind & 4 && path.opens && length + TAG + opens.mki <= RELAY_DATAGRAM) {
                toy maker = {1, UINT32_MAX, 0};
                transform(&maker, packet, &length);
                memmove(packet + length - opens.tag + opens.mki, packet + length - opens.tag, (size_t)opens.tag);
                length += opens.mki;
            }
        }
        now += fuzz_octet(&input) / 1000.0;
        memcpy(before, packet, RELAY_ROOM);
        last = path;
        plain = length;
        gap = length >= RELAY_HEADER ? relay_gap(&path, packet) : 0;
        sequence = (uint16_t)(path.next_sequence + gap);
        start = relay_is_known(&path, packet, length);
        CHECK(start == 0 || (start >= RELAY_HEADER && start <= length));
        if (start && path.names && start > RELAY_HEADER) {
            int found = 0;
            const uint8_t *name = feedback_element(packet, start, path.names, &found);
            CHECK(!name || (found == path.name_size && !memcmp(name, path.name, path.name_size)));
        }
        if (start)
            check_element(packet, start, kind & 15);
        known = start && gap + 1 < RELAY_DROPOUT && !(gap && path.asks);
        verdict = relay_take(&path, packet, &length, now, &digit);
        CHECK(path.jitter >= 0 && path.jitter < 1e12 && (!path.has_transit || path.transit - path.transit == 0));
        CHECK((verdict == RELAY_PARK) == !known);
        if (verdict == RELAY_PARK) {
            CHECK(length == plain && !memcmp(before, packet, RELAY_ROOM) && is_same(&last, &path));
            continue;
        }
        if (verdict == RELAY_DROP) {
            CHECK(path.opens || path.seals);
            CHECK(notes->count <= FEEDBACK_ARRIVALS);
            CHECK(path.opens || path.not_sent == last.not_sent + 1);
            continue;
        }
        if (path.opens)
            plain -= TAG + opens.mki;
        plain -= start - RELAY_HEADER;
        CHECK(length == plain + (path.seals ? TAG : 0) && length <= RELAY_ROOM && plain >= RELAY_HEADER);
        CHECK(notes->count <= FEEDBACK_ARRIVALS && (path.notes || !notes->count) && (start > RELAY_HEADER || !path.is_due));
        if (path.notes && !path.opens && start > RELAY_HEADER && notes->count && notes->times[notes->count - 1] == now) {
            int found = 0;
            const uint8_t *number = feedback_element(before, start, notes->extension, &found);
            if (number && found == 2)
                CHECK(notes->numbers[notes->count - 1] == (number[0] << 8 | number[1]));
        }
        if (path.is_due || kind & 128)
            notes->count = path.is_due = 0;
        if (path.keeps) {
            const feedback_packet *again = feedback_find(kept, (uint16_t)(packet[2] << 8 | packet[3]));
            CHECK(again && again->size == plain && !memcmp(again->data, packet, RELAY_HEADER));
            CHECK(path.seals || !memcmp(again->data, packet, (size_t)plain));
        }
        CHECK(path.received == last.received + 1 && path.octets == last.octets + plain - RELAY_HEADER);
        CHECK(path.next_sequence == (uint16_t)(sequence + 1) && path.last_received == now);
        CHECK(path.cycles + sequence == last.cycles + (uint16_t)(last.next_sequence - 1) + 1 + gap);
        check_history(&path, &last, gap);
        CHECK(packet[0] == 0x80 && packet[1] == table[before[1]]);
        CHECK((uint16_t)(packet[2] << 8 | packet[3]) == (uint16_t)(sequence + path.shift_sequence));
        CHECK(relay_word(packet + 4) == relay_word(before + 4) + path.shift_time && relay_word(packet + 8) == path.ssrc);
        if (!path.opens == !path.seals)
            CHECK(start > RELAY_HEADER || !memcmp(packet + RELAY_HEADER, before + RELAY_HEADER, (size_t)(plain - RELAY_HEADER)));
        if (!path.opens && !path.seals)
            CHECK(!memcmp(packet + RELAY_HEADER, before + start, (size_t)(plain - RELAY_HEADER)));
        CHECK((verdict == RELAY_SEND_DIGIT) == (path.sees_digits && !clocks[before[1] & 0x7F]));
        if (verdict == RELAY_SEND_DIGIT)
            CHECK(digit.second == before[1] && digit.size <= RELAY_DIGIT && digit.size <= plain - RELAY_HEADER);
#ifdef SELF_TEST
        ((volatile uint8_t *)packet)[RELAY_ROOM] = 0; /* the sanitizer has to see this */
#endif
    }
    CHECK(relay_pause(now * 997, 0.004, 2000) >= 0 && relay_pause(now * 997, 0.004, 2000) <= 0.004);
    CHECK(relay_rate(now * 997, 1, now) > 0 && relay_rate(now * 997, 0, 0) == now * 997);
    feedback_clear(kept);
    CHECK(!feedback_find(kept, path.next_sequence));
    free(kept);
    free(notes);
    free(packet);
    free(before);
    return 0;
}
