/* Reading a few datagrams of one socket in one call, each with the time when it came, as the kernel noted it: who looks only once in
 * a while would else take its own lateness for jitter of the network.
 */

#ifndef GLOBSTAR_TIMED_H
#define GLOBSTAR_TIMED_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "_relay.h"

#include <sys/socket.h>
#include <time.h>

enum { TIMED_MOST = 8 };

typedef union {
    struct cmsghdr head;
    uint8_t room[CMSG_SPACE(sizeof(struct timespec))];
} timed_control;

typedef struct {
    int used;                /* messages that the last call has changed */
    struct mmsghdr messages[TIMED_MOST];
    struct iovec parts[TIMED_MOST];
    relay_address from[TIMED_MOST];
    timed_control control[TIMED_MOST];
    uint8_t data[TIMED_MOST][RELAY_ROOM];
} timed_inbox;

/* Have the kernel note when packets come, or no longer; 0 if it does so. */
static inline int timed_enable(int descriptor, int is_on) {
    return setsockopt(descriptor, SOL_SOCKET, SO_TIMESTAMPNS, &is_on, sizeof is_on);
}

static inline void timed_prepare(timed_inbox *inbox) {
    int index;
    memset(inbox->messages, 0, sizeof inbox->messages);
    for (index = 0; index < TIMED_MOST; index++) {
        struct msghdr *message = &inbox->messages[index].msg_hdr;
        inbox->parts[index].iov_base = inbox->data[index];
        inbox->parts[index].iov_len = RELAY_DATAGRAM;
        message->msg_name = &inbox->from[index];
        message->msg_iov = &inbox->parts[index];
        message->msg_iovlen = 1;
        message->msg_control = &inbox->control[index];
    }
    inbox->used = TIMED_MOST;
}

/* Read what is there of a socket, at most TIMED_MOST datagrams; how many. `inbox` was prepared once. */
static inline int timed_read(timed_inbox *inbox, int descriptor) {
    int index, count;
    for (index = 0; index < inbox->used; index++) {
        inbox->messages[index].msg_hdr.msg_namelen = sizeof inbox->from[index];
        inbox->messages[index].msg_hdr.msg_controllen = sizeof inbox->control[index];
    }
    count = recvmmsg(descriptor, inbox->messages, TIMED_MOST, MSG_DONTWAIT, NULL);
    /* the one that found nothing may have been touched, too */
    inbox->used = count < 0 ? 1 : count < TIMED_MOST ? count + 1 : TIMED_MOST;
    return count;
}

static inline int timed_size(const timed_inbox *inbox, int index) {
    return (int)inbox->messages[index].msg_len;
}

/* Where a datagram came from. */
static inline void timed_from(const timed_inbox *inbox, int index, relay_peer *peer) {
    peer->at = inbox->from[index];
    peer->size = inbox->messages[index].msg_hdr.msg_namelen;
}

/* When a datagram came by the wall clock (seconds); 0 where the kernel has not noted it. */
static inline double timed_when(timed_inbox *inbox, int index) {
    struct msghdr *message = &inbox->messages[index].msg_hdr;
    struct cmsghdr *part = CMSG_FIRSTHDR(message);
    struct timespec at;
    for (; part; part = CMSG_NXTHDR(message, part))
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
            memcpy(&at, CMSG_DATA(part), sizeof at);
            return (double)at.tv_sec + (double)at.tv_nsec * 1e-9;
        }
    return 0;
}

#endif
