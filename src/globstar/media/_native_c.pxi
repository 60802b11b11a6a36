"""What the relay takes of the system and of its own C: epoll, sockets, threads, ``_relay.h``, ``_feedback.h``, ``_ring.h``."""

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        int fd
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data
    int EPOLLIN, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLL_CLOEXEC
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int operation, int descriptor, epoll_event *event)
    int epoll_wait(int epoll, epoll_event *events, int count, int timeout)


cdef extern from "<sys/eventfd.h>" nogil:
    int EFD_CLOEXEC, EFD_NONBLOCK
    int eventfd(unsigned int value, int flags)


cdef extern from "<sys/socket.h>" nogil:
    int MSG_DONTWAIT, MSG_NOSIGNAL
    ssize_t recv(int descriptor, void *buffer, size_t size, int flags)
    ssize_t send(int descriptor, const void *buffer, size_t size, int flags)
    ctypedef unsigned int socklen_t
    cdef struct sockaddr:
        pass
    cdef struct iovec:
        void *iov_base
        size_t iov_len
    cdef struct msghdr:
        void *msg_name
        socklen_t msg_namelen
        iovec *msg_iov
        size_t msg_iovlen
    ssize_t recvfrom(int descriptor, void *buffer, size_t size, int flags, sockaddr *source, socklen_t *length)
    ssize_t sendto(int descriptor, const void *buffer, size_t size, int flags, const sockaddr *target, socklen_t length)


cdef extern from "<unistd.h>" nogil:
    int close(int descriptor)
    ssize_t read(int descriptor, void *buffer, size_t size)
    ssize_t write(int descriptor, const void *buffer, size_t size)


cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    int pthread_mutex_init(pthread_mutex_t *mutex, void *attributes)
    int pthread_mutex_lock(pthread_mutex_t *mutex)
    int pthread_mutex_unlock(pthread_mutex_t *mutex)
    int pthread_mutex_destroy(pthread_mutex_t *mutex)


cdef extern from "<time.h>" nogil:
    cdef struct timespec:
        time_t tv_sec
        long tv_nsec
    int CLOCK_MONOTONIC
    int clock_gettime(int clock, timespec *value)
    int nanosleep(const timespec *wanted, timespec *left)


cdef extern from "_feedback.h" nogil:
    enum:
        FEEDBACK_ARRIVALS
    ctypedef struct feedback_packet:
        uint8_t *data
        uint16_t size
    ctypedef struct feedback_kept:
        pthread_mutex_t guard
    ctypedef struct feedback_arrivals:
        uint8_t extension
        int count
        double told_at
        uint16_t numbers[256]
        double times[256]
    void feedback_keep(feedback_kept *kept, const uint8_t *packet, int size)
    const feedback_packet *feedback_find(const feedback_kept *kept, uint16_t number)
    void feedback_clear(feedback_kept *kept)


cdef extern from "_relay.h" nogil:
    enum:
        RELAY_HEADER, RELAY_LEAD, RELAY_NAME, RELAY_DATAGRAM, RELAY_ROOM, RELAY_REPLAYED, RELAY_REPLAYED_OLD
    ctypedef int (*relay_transform)(void *session, void *packet, int *size)
    ctypedef struct relay_cipher:
        void *session
        relay_transform rtp
        relay_transform rtcp
        pthread_mutex_t guard
        int mki
        int tag
        int64_t not_authentic
        int64_t replayed
    ctypedef union relay_address:
        sockaddr any
    ctypedef struct relay_peer:
        socklen_t size
        relay_address at
    ctypedef struct relay_path:
        relay_path *next
        int descriptor
        int output
        uint16_t channel_in
        uint16_t channel_out
        relay_peer comes_from
        relay_peer goes_to
        uint32_t source
        uint32_t ssrc
        uint16_t next_sequence
        uint16_t shift_sequence
        uint32_t shift_time
        uint32_t rtp_time
        int64_t cycles
        uint64_t history
        int64_t regular_since
        int64_t received
        int64_t octets
        int64_t not_sent
        uint32_t clock
        int has_transit
        double transit
        double jitter
        double last_received
        const uint8_t *table
        const uint32_t *clocks
        int sees_digits
        relay_cipher *opens
        relay_cipher *seals
        uint8_t names
        uint8_t name_size
        uint8_t name[16]
        int asks
        feedback_kept *keeps
        feedback_arrivals *notes
        int is_due
    ctypedef enum relay_verdict:
        RELAY_PARK, RELAY_SEND, RELAY_SEND_DIGIT, RELAY_DROP
    ctypedef struct relay_digit:
        uint8_t second
        uint8_t size
        uint8_t payload[8]
        uint32_t rtp_time
    uint8_t *relay_place(const relay_path *path, uint8_t *buffer)
    int relay_unwrap(const relay_path *path, const uint8_t *datagram, int size)
    uint8_t *relay_wrap(const relay_path *path, uint8_t *buffer, int *size)
    relay_path *relay_find(relay_path *first, const uint8_t *packet, int size)
    relay_verdict relay_take(relay_path *path, uint8_t *packet, int *size, double now, relay_digit *digit)
    void relay_raise(int *flag)
    bint relay_is_raised(const int *flag)
    double relay_rate(double rate, int count, double elapsed)
    double relay_pause(double rate, double longest, double few)
    int relay_set_peer(relay_peer *peer, const char *host, int port)
    int relay_show_peer(const relay_peer *peer, char *host)
    bint relay_is_same(const relay_peer *one, const relay_peer *other)


cdef extern from "_ring.h" nogil:
    ctypedef struct ring:
        int descriptor
    int ring_open(ring *one, unsigned int count)
    void ring_close(ring *one)
    void ring_receive(ring *one, int index, int descriptor, void *room, int size)
    void ring_receive_from(ring *one, int index, int descriptor, msghdr *message)
    void ring_send(
        ring *one, int index, int descriptor, const void *data, int size, const sockaddr *target, socklen_t length
    )
    int ring_submit(ring *one, bint is_answered)
    bint ring_answer(ring *one, int *index, int *result)


cdef enum:
    BATCH = 256  # sockets that one look finds
    TURN = 32  # packets that are received, treated and sent before the loop has its turn
    ROOM = 131 * 64  # for a datagram and what stands before it: lines of the cache of which no two buffers have the same
    DIGITS = 256  # digits that wait for the loop at the most
    DUE = 256  # paths of which it is to be told when their packets came
    TAKEN = -1


#: Seconds at least between two times when the loop is woken up for arrivals alone.
cdef double DUE_TOGETHER = 0.01
