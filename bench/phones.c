/* Many phones in one process: each sends RTP every 20 ms and counts what comes, with how long it was under way.
 *
 *   phones LEGS WARM SECONDS
 *
 * A line of the file LEGS is one phone: `address port address port type peer size first burst spread [packets]`. The first address is
 * its own, the second where it sends to; it sends payload type `type` (-1: it only listens) and hears the phone in line `peer` (-1:
 * nobody in particular, no delays are taken). A payload is `size` octets that begin with `first` (0: noise). It sends `burst` packets
 * every 20 ms, at once or, as a camera that is paced, `spread` half milliseconds one after the other. With `packets` the datagrams are
 * taken from that file instead, 16 bits of length before each, from its beginning again at its end: SRTP is encrypted beforehand.
 *
 * After WARM seconds "begin" is printed, SECONDS later one line: packets sent and received since then, and the middle and the
 * 99th percentile of the delays in microseconds (0 if none were taken).
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HISTORY = 256, MOST_DELAYS = 4000000, SLICES = 40, MOST_PACED = 64 };

typedef struct {
    int descriptor, type, peer, size, first, burst, spread;
    uint32_t ssrc;
    uint16_t sequence;      /* of the next packet */
    int shift;              /* what it hears less what its peer has sent; -1 before the first packet */
    double sent[HISTORY];   /* when, by the lower bits of the sequence number */
    uint8_t *packets, *at, *end;
} phone;

static phone *phones;
static int count;
static int paced[MOST_PACED], paced_count;
static float *delays;
static long sent, received, delay_count;
static int measuring;

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec * 1e-9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static struct sockaddr_in address_of(const char *host, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        fail(host);
    return address;
}

static void read_packets(phone *one, const char *name) {
    FILE *file = fopen(name, "rb");
    long size;
    if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) <= 0)
        fail(name);
    rewind(file);
    one->packets = one->at = malloc((size_t)size);
    if (!one->packets || fread(one->packets, 1, (size_t)size, file) != (size_t)size)
        fail(name);
    one->end = one->packets + size;
    fclose(file);
}

static void read_legs(const char *name) {
    char line[1024], ours[64], theirs[64], packets[512];
    int our_port, their_port, capacity = 0, fields;
    FILE *file = fopen(name, "r");
    if (!file)
        fail(name);
    while (fgets(line, sizeof line, file)) {
        struct sockaddr_in here, there;
        phone *one;
        if (count == capacity && !(phones = realloc(phones, (size_t)(capacity = 2 * capacity + 16) * sizeof *phones)))
            fail("memory");
        one = memset(&phones[count], 0, sizeof *one);
        fields = sscanf(line, "%63s %d %63s %d %d %d %d %d %d %d %511s", ours, &our_port, theirs, &their_port, &one->type, &one->peer,
                        &one->size, &one->first, &one->burst, &one->spread, packets);
        if (fields < 10 || one->spread < 0 || one->size < 0 || one->size > 1400)
            continue;
        here = address_of(ours, our_port);
        there = address_of(theirs, their_port);
        one->descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (one->descriptor < 0 || bind(one->descriptor, (struct sockaddr *)&here, sizeof here) ||
            connect(one->descriptor, (struct sockaddr *)&there, sizeof there))
            fail(line);
        one->ssrc = 0x10000u + (uint32_t)count;
        one->shift = -1;
        if (fields == 11)
            read_packets(one, packets);
        if (one->spread && paced_count < MOST_PACED)
            paced[paced_count++] = count;
        count++;
    }
    fclose(file);
}

static void say(phone *one) {
    uint8_t packet[12 + 1400];
    const uint8_t *data = packet;
    size_t size = 12 + (size_t)one->size;
    if (one->type < 0)
        return;
    if (one->packets) {
        if (one->at >= one->end)
            one->at = one->packets;
        size = (size_t)(one->at[0] << 8 | one->at[1]);
        data = one->at + 2;
        one->at += 2 + size;
        one->sequence = (uint16_t)(data[2] << 8 | data[3]);
    } else {
        uint32_t rtp_time = htonl((uint32_t)one->sequence * 160), ssrc = htonl(one->ssrc);
        packet[0] = 0x80;
        packet[1] = (uint8_t)one->type;
        packet[2] = (uint8_t)(one->sequence >> 8);
        packet[3] = (uint8_t)one->sequence;
        memcpy(packet + 4, &rtp_time, 4);
        memcpy(packet + 8, &ssrc, 4);
        for (int place = 0; place < one->size; place++)
            packet[12 + place] = (uint8_t)(one->ssrc * 31 + (uint32_t)place * 7 + one->sequence);
        if (one->first && one->size)
            packet[12] = (uint8_t)one->first;
    }
    one->sent[one->sequence % HISTORY] = now();
    if (send(one->descriptor, data, size, MSG_NOSIGNAL) >= 0 && measuring)
        sent++; /* else the server has closed this port; the counts show it */
    one->sequence++;
}

/* What a paced phone sends in a slice of time, of which its own is `after` slices ago. */
static void say_paced(phone *one, int after) {
    if (after % one->spread == 0 && after / one->spread < one->burst)
        say(one);
}

static void hear(phone *one, double at) {
    uint8_t packet[2048];
    ssize_t size = recv(one->descriptor, packet, sizeof packet, 0);
    double delay;
    uint16_t sequence;
    phone *peer;
    if (size < 12 || (packet[1] >= 192 && packet[1] < 224))
        return;
    received += measuring;
    if (one->peer < 0 || one->peer >= count)
        return;
    peer = &phones[one->peer];
    sequence = (uint16_t)(packet[2] << 8 | packet[3]);
    if (one->shift < 0) /* the last one that was sent */
        one->shift = (uint16_t)(sequence - (uint16_t)(peer->sequence - 1));
    delay = at - peer->sent[(uint16_t)(sequence - one->shift) % HISTORY];
    if (measuring && delay >= 0 && delay < 2 && delay_count < MOST_DELAYS)
        delays[delay_count++] = (float)delay;
}

static int compare(const void *one, const void *other) {
    float difference = *(const float *)one - *(const float *)other;
    return difference < 0 ? -1 : difference > 0;
}

int main(int arguments, char **argument) {
    struct epoll_event event, events[256];
    double begin, warm, seconds;
    long slice;
    int epoll;
    if (arguments != 4)
        return fprintf(stderr, "usage: phones LEGS WARM SECONDS\n"), 2;
    read_legs(argument[1]);
    warm = atof(argument[2]);
    seconds = atof(argument[3]);
    delays = malloc(MOST_DELAYS * sizeof *delays);
    epoll = epoll_create1(0);
    if (!delays || epoll < 0)
        fail("epoll");
    for (int index = 0; index < count; index++) {
        event.events = EPOLLIN;
        event.data.u32 = (uint32_t)index;
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, phones[index].descriptor, &event))
            fail("epoll");
    }
    begin = now();
    for (slice = 0;; slice++) { /* phones are spread over the 20 ms, so that their packets do not come in bursts of all calls */
        double until = begin + (double)(slice + 1) * 0.02 / SLICES, left;
        if (now() - begin >= warm + seconds)
            break;
        if (!measuring && now() - begin >= warm) {
            measuring = 1;
            printf("begin\n");
            fflush(stdout);
        }
        for (int index = (int)(slice % SLICES); index < count; index += SLICES)
            for (int packet = 0; !phones[index].spread && packet < phones[index].burst; packet++)
                say(&phones[index]);
        for (int place = 0; place < paced_count; place++)
            say_paced(&phones[paced[place]], (int)((slice + SLICES - paced[place] % SLICES) % SLICES));
        do {
            int found;
            left = until - now();
            found = epoll_wait(epoll, events, 256, left > 0.0002 ? 1 : 0);
            for (int index = 0; index < found; index++)
                hear(&phones[events[index].data.u32], now());
            if (!found && left <= 0.0002 && left > 0) {
                struct timespec pause = {0, (long)(left * 1e9)};
                nanosleep(&pause, NULL);
            }
        } while (left > 0);
    }
    measuring = 0;
    qsort(delays, (size_t)delay_count, sizeof *delays, compare);
    printf("%ld %ld %.0f %.0f\n", sent, received, delay_count ? delays[delay_count / 2] * 1e6 : 0.0,
           delay_count ? delays[delay_count * 99 / 100] * 1e6 : 0.0);
    return 0;
}
