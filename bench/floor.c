/* What the kernel alone takes of a relay: packets go from one phone's socket to the other's, and nothing is looked at.
 *
 *   floor WAY WAIT_US LEGS
 *
 * A line of the file LEGS is one socket: `address port address port`, its own and its peer's; those of lines 1 and 2, 3 and 4 ... belong
 * together. WAY is `single` (recv and send, a packet each) or `many` (recvmmsg and sendmmsg for each socket). As in the server's relay
 * the sockets are connected and watched by epoll, and packets are gathered for WAIT_US microseconds between two looks. Runs until it is
 * killed.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 16384, BATCH = 256, MANY = 8 };

static int sockets[MOST], count;
static uint8_t data[MANY][2048];
static struct iovec parts[MANY];
static struct mmsghdr messages[MANY];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void open_all(const char *name) {
    char line[256], ours[64], theirs[64];
    int our_port, their_port;
    FILE *file = fopen(name, "r");
    if (!file)
        fail(name);
    while (count < MOST && fgets(line, sizeof line, file)) {
        struct sockaddr_in here = {.sin_family = AF_INET}, there = {.sin_family = AF_INET};
        if (sscanf(line, "%63s %d %63s %d", ours, &our_port, theirs, &their_port) != 4)
            continue;
        here.sin_port = htons((uint16_t)our_port);
        there.sin_port = htons((uint16_t)their_port);
        if (inet_pton(AF_INET, ours, &here.sin_addr) != 1 || inet_pton(AF_INET, theirs, &there.sin_addr) != 1)
            fail(line);
        sockets[count] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (sockets[count] < 0 || bind(sockets[count], (struct sockaddr *)&here, sizeof here) ||
            connect(sockets[count], (struct sockaddr *)&there, sizeof there))
            fail(line);
        count++;
    }
    fclose(file);
}

static void pass_single(int index) {
    ssize_t size = recv(sockets[index], data[0], sizeof data[0], MSG_DONTWAIT);
    if (size > 0 && send(sockets[index ^ 1], data[0], (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return; /* the phone is gone; its counts show it */
}

static void pass_many(int index) {
    int found = recvmmsg(sockets[index], messages, MANY, MSG_DONTWAIT, NULL);
    for (int place = 0; place < found; place++)
        parts[place].iov_len = messages[place].msg_len;
    if (found > 0 && sendmmsg(sockets[index ^ 1], messages, (unsigned)found, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        found = MANY; /* as above */
    for (int place = 0; place < found; place++)
        parts[place].iov_len = sizeof data[place];
}

int main(int arguments, char **argument) {
    struct epoll_event event = {.events = EPOLLIN}, events[BATCH];
    struct timespec pause = {0, 0};
    int epoll = epoll_create1(0), is_many;
    if (arguments != 4)
        return fprintf(stderr, "usage: floor single|many WAIT_US LEGS\n"), 2;
    is_many = !strcmp(argument[1], "many");
    pause.tv_nsec = atol(argument[2]) * 1000;
    open_all(argument[3]);
    for (int place = 0; place < MANY; place++) {
        parts[place] = (struct iovec){data[place], sizeof data[place]};
        messages[place].msg_hdr.msg_iov = &parts[place];
        messages[place].msg_hdr.msg_iovlen = 1;
    }
    for (int index = 0; index < count; index++) {
        event.data.u32 = (uint32_t)index;
        if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[index], &event))
            fail("epoll");
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        int found = epoll_wait(epoll, events, BATCH, -1);
        for (int index = 0; index < found; index++)
            (is_many ? pass_many : pass_single)((int)events[index].data.u32);
        if (found < BATCH && pause.tv_nsec)
            nanosleep(&pause, NULL);
    }
}
