/* As much of io_uring as the native relay uses: a batch of receives or of sends for one system call, each of which ends at once.
 *
 * Everything is asked for with MSG_DONTWAIT, so that nothing is left with the kernel when `ring_submit` returns, and the memory
 * that it was given is free again. Kernels before 6.0, and those that refuse (containers often do), are told by `ring_open`.
 */

#ifndef GLOBSTAR_RING_H
#define GLOBSTAR_RING_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_include)
#if __has_include(<linux/io_uring.h>)
#include <linux/io_uring.h>
#endif
#endif

typedef struct {
    int descriptor;                    /* -1 while it is not open */
    void *memory;
    size_t memory_size;
    void *entries;
    size_t entries_size;
    unsigned *tail, *done_head;         /* shared with the kernel, as is the next */
    const unsigned *done_tail;
    unsigned mask, done_mask;
    const void *done;
    unsigned next;                     /* place of the next entry */
} ring;

#if defined(IORING_RECVSEND_FIXED_BUF) && defined(IORING_SETUP_SUBMIT_ALL) && defined(IORING_FEAT_CQE_SKIP) && \
    defined(IORING_SETUP_COOP_TASKRUN) && defined(SYS_io_uring_setup)

static inline void ring_close(ring *one) {
    if (one->descriptor < 0)
        return;
    munmap(one->entries, one->entries_size);
    munmap(one->memory, one->memory_size);
    close(one->descriptor);
    one->descriptor = -1;
}

static inline struct io_uring_sqe *ring_entry(ring *one, int operation, int descriptor, int index) {
    struct io_uring_sqe *entry = (struct io_uring_sqe *)one->entries + (one->next++ & one->mask);
    memset(entry, 0, sizeof *entry);
    entry->opcode = (uint8_t)operation;
    entry->fd = descriptor;
    entry->user_data = (uint64_t)index;
    return entry;
}

/* Have the kernel do what was asked for, and with `is_answered` tell of each; else only of what failed. Gives how many it has not
 * taken (the last ones, which are forgotten): 0 unless something is wrong with the ring.
 */
static inline int ring_submit(ring *one, int is_answered) {
    unsigned left = one->next - *one->tail;
    __atomic_store_n(one->tail, one->next, __ATOMIC_RELEASE);
    while (left) {
        long taken = syscall(SYS_io_uring_enter, one->descriptor, left, is_answered ? left : 0,
                             is_answered ? IORING_ENTER_GETEVENTS : 0, NULL, 0);
        if (taken < 0 && errno == EINTR)
            continue;
        if (taken <= 0)
            break;
        left -= (unsigned)taken;
    }
    one->next -= left;
    __atomic_store_n(one->tail, one->next, __ATOMIC_RELEASE);
    return (int)left;
}

/* The next answer: 1 if there is one, with the index that was given, and the octets or a negative error. */
static inline int ring_answer(ring *one, int *index, int *result) {
    unsigned head = *one->done_head;
    const struct io_uring_cqe *answer = (const struct io_uring_cqe *)one->done + (head & one->done_mask);
    if (head == __atomic_load_n(one->done_tail, __ATOMIC_ACQUIRE))
        return 0;
    *index = (int)answer->user_data;
    *result = answer->res;
    __atomic_store_n(one->done_head, head + 1, __ATOMIC_RELEASE);
    return 1;
}

/* Receive a datagram of a connected socket. */
static inline void ring_receive(ring *one, int index, int descriptor, void *room, int size) {
    struct io_uring_sqe *entry = ring_entry(one, IORING_OP_RECV, descriptor, index);
    entry->addr = (uint64_t)(uintptr_t)room;
    entry->len = (uint32_t)size;
    entry->msg_flags = MSG_DONTWAIT;
}

/* Receive a datagram, and where it comes from. */
static inline void ring_receive_from(ring *one, int index, int descriptor, struct msghdr *message) {
    struct io_uring_sqe *entry = ring_entry(one, IORING_OP_RECVMSG, descriptor, index);
    entry->addr = (uint64_t)(uintptr_t)message;
    entry->len = 1;
    entry->msg_flags = MSG_DONTWAIT;
}

/* Send a datagram; `length` 0: to whom the socket is connected to. */
static inline void ring_send(
    ring *one, int index, int descriptor, const void *data, int size, const struct sockaddr *target, socklen_t length) {
    struct io_uring_sqe *entry = ring_entry(one, IORING_OP_SEND, descriptor, index);
    entry->flags = IOSQE_CQE_SKIP_SUCCESS;
    entry->addr = (uint64_t)(uintptr_t)data;
    entry->len = (uint32_t)size;
    entry->msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    if (length) {
        entry->addr2 = (uint64_t)(uintptr_t)target;
        entry->addr_len = (uint16_t)length;
    }
}

/* Whether the kernel knows the address of a send, which came with the operation that is asked for. */
static inline int ring_is_recent(int descriptor) {
    union {
        struct io_uring_probe probe;
        uint8_t room[sizeof(struct io_uring_probe) + 256 * sizeof(struct io_uring_probe_op)];
    } found;
    memset(&found, 0, sizeof found);
    return syscall(SYS_io_uring_register, descriptor, IORING_REGISTER_PROBE, &found, 256) >= 0 &&
           found.probe.last_op >= IORING_OP_SEND_ZC;
}

static inline void *ring_map(const ring *one, size_t size, off_t what) {
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, one->descriptor, what);
}

/* Have a ring for `count` entries at once (a power of two); 0, or an error number. */
static inline int ring_open(ring *one, unsigned count) {
    struct io_uring_params wanted;
    size_t size, done_size;
    uint8_t *memory;
    unsigned *order, place;
    int index, result, wrong;
    memset(one, 0, sizeof *one);
    memset(&wanted, 0, sizeof wanted);
    wanted.flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN;
    one->descriptor = (int)syscall(SYS_io_uring_setup, count, &wanted);
    if (one->descriptor < 0)
        return errno;
    if (!(wanted.features & IORING_FEAT_SINGLE_MMAP) || !(wanted.features & IORING_FEAT_CQE_SKIP) ||
        !ring_is_recent(one->descriptor)) {
        close(one->descriptor);
        one->descriptor = -1;
        return EOPNOTSUPP;
    }
    size = wanted.sq_off.array + wanted.sq_entries * sizeof(unsigned);
    done_size = wanted.cq_off.cqes + wanted.cq_entries * sizeof(struct io_uring_cqe);
    one->memory_size = size > done_size ? size : done_size;
    one->entries_size = wanted.sq_entries * sizeof(struct io_uring_sqe);
    one->memory = ring_map(one, one->memory_size, IORING_OFF_SQ_RING);
    one->entries = ring_map(one, one->entries_size, IORING_OFF_SQES);
    if (one->memory == MAP_FAILED || one->entries == MAP_FAILED) {
        wrong = errno;
        if (one->memory != MAP_FAILED)
            munmap(one->memory, one->memory_size);
        if (one->entries != MAP_FAILED)
            munmap(one->entries, one->entries_size);
        close(one->descriptor);
        one->descriptor = -1;
        return wrong;
    }
    memory = one->memory;
    one->tail = (unsigned *)(memory + wanted.sq_off.tail);
    one->mask = *(unsigned *)(memory + wanted.sq_off.ring_mask);
    one->done_head = (unsigned *)(memory + wanted.cq_off.head);
    one->done_tail = (unsigned *)(memory + wanted.cq_off.tail);
    one->done_mask = *(unsigned *)(memory + wanted.cq_off.ring_mask);
    one->done = memory + wanted.cq_off.cqes;
    one->next = *one->tail;
    order = (unsigned *)(memory + wanted.sq_off.array);
    for (place = 0; place < wanted.sq_entries; place++)
        order[place] = place;
    ring_entry(one, IORING_OP_NOP, -1, 1); /* who may set up need not be allowed to enter */
    if (ring_submit(one, 1) || !ring_answer(one, &index, &result) || result) {
        ring_close(one);
        return EPERM;
    }
    return 0;
}

#else

static inline void ring_close(ring *one) { (void)one; }

static inline int ring_submit(ring *one, int is_answered) { return (void)one, (void)is_answered, 0; }

static inline int ring_answer(ring *one, int *index, int *result) { return (void)one, (void)index, (void)result, 0; }

static inline void ring_receive(ring *one, int index, int descriptor, void *room, int size) {
    (void)one, (void)index, (void)descriptor, (void)room, (void)size;
}

static inline void ring_receive_from(ring *one, int index, int descriptor, struct msghdr *message) {
    (void)one, (void)index, (void)descriptor, (void)message;
}

static inline void ring_send(
    ring *one, int index, int descriptor, const void *data, int size, const struct sockaddr *target, socklen_t length) {
    (void)one, (void)index, (void)descriptor, (void)data, (void)size, (void)target, (void)length;
}

static inline int ring_open(ring *one, unsigned count) {
    memset(one, 0, sizeof *one);
    one->descriptor = -1;
    return (void)count, ENOSYS;
}

#endif

#endif
