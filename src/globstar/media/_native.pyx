# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The native relay: packets of two connected sockets forwarded by a thread that never holds the interpreter.

It knows one case only: the next packet of a source in order, of a payload type that is relayed. Whatever else comes (another
source, a gap, RTCP on the same port, an unknown type) *parks* its path: the datagram is handed to the loop, which treats it as
it would without this module, and the path goes on when that is done. So every rule of RTP stands in one place, in Python.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset
from posix.types cimport time_t

import errno as _errno
import os


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


cdef enum:
    HEADER = 12
    SIZE = 2048  # longest datagram, as in media.sockets
    BATCH = 256
    NOT_RELAYED = 0xC8
    TAKEN = -1
    COALESCE_NS = 2000000  # as net.poller: when busy, packets are looked for every two milliseconds


cdef struct Path:
    int descriptor  # received from
    int output  # sent to
    uint32_t source  # SSRC that is received
    uint32_t ssrc  # SSRC that is sent
    uint16_t next_sequence
    uint16_t shift_sequence
    uint32_t shift_time
    uint32_t rtp_time  # of the last packet
    int64_t cycles
    int64_t received
    int64_t octets
    int64_t not_sent
    double transit
    bint has_transit
    double jitter
    double last_received
    double parked_at
    int parked_size  # of the datagram that waits for the loop; 0 while the path runs, TAKEN while the loop treats it
    uint8_t table[256]  # second byte in to second byte out
    uint32_t clocks[128]  # clock rate for jitter by payload type; 0 for types that do not count
    uint8_t parked[SIZE]


cdef class NativePath:
    """One direction of a relay. All numbers are exchanged with :class:`RelayThread`'s lock held."""

    cdef Path path
    cdef public object owner

    def __cinit__(self):
        memset(&self.path, 0, sizeof(Path))


cdef class RelayThread:
    """The thread's half of a relay engine. ``run`` is its body; everything else is called from the loop.

    ``notify_descriptor`` becomes readable when a path has parked.
    """

    cdef int _epoll
    cdef int _notify
    cdef int _wake
    cdef bint _stopping
    cdef pthread_mutex_t _mutex
    cdef Path **_paths
    cdef int _capacity
    cdef readonly uint64_t wakeups
    cdef readonly uint64_t packets
    cdef dict _objects

    def __cinit__(self):
        self._epoll = self._notify = self._wake = -1
        self._paths = NULL
        self._capacity = 0
        self._stopping = False
        pthread_mutex_init(&self._mutex, NULL)
        self._objects = {}
        self._epoll = epoll_create1(EPOLL_CLOEXEC)
        self._notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
        self._wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
        if self._epoll < 0 or self._notify < 0 or self._wake < 0:
            raise OSError(_errno.EMFILE, os.strerror(_errno.EMFILE))
        cdef epoll_event event
        event.events = EPOLLIN
        event.data.fd = self._wake
        epoll_ctl(self._epoll, EPOLL_CTL_ADD, self._wake, &event)

    def __dealloc__(self):
        for descriptor in (self._epoll, self._notify, self._wake):
            if descriptor >= 0:
                close(descriptor)
        free(self._paths)
        pthread_mutex_destroy(&self._mutex)

    @property
    def notify_descriptor(self):
        """Readable when :meth:`take_parked` has something."""
        return self._notify

    def __len__(self):
        return len(self._objects)

    def stop(self):
        """Let :meth:`run` return."""
        cdef uint64_t one = 1
        self._stopping = True
        write(self._wake, &one, sizeof(one))

    def run(self):
        """Relay until :meth:`stop`; the body of a thread of its own."""
        with nogil:
            self._run()

    cdef void _run(self) noexcept nogil:
        cdef epoll_event events[BATCH]
        cdef timespec pause, clock
        cdef int count, index, parked
        cdef uint64_t one = 1
        cdef double now
        cdef uint8_t buffer[SIZE]
        pause.tv_sec = 0
        pause.tv_nsec = COALESCE_NS
        while not self._stopping:
            count = epoll_wait(self._epoll, events, BATCH, -1)
            if count <= 0:
                continue
            clock_gettime(CLOCK_MONOTONIC, &clock)
            now = <double> clock.tv_sec + <double> clock.tv_nsec * 1e-9
            parked = 0
            pthread_mutex_lock(&self._mutex)
            self.wakeups += 1
            for index in range(count):
                parked += self._serve(events[index].data.fd, buffer, now)
            pthread_mutex_unlock(&self._mutex)
            if parked:
                write(self._notify, &one, sizeof(one))
            if count > 1 and not self._stopping:
                nanosleep(&pause, NULL)

    cdef int _serve(self, int descriptor, uint8_t *buffer, double now) noexcept nogil:
        """Read one packet of a path and send it on; 1 when it has parked instead."""
        cdef Path *path
        cdef ssize_t size
        cdef uint8_t out
        cdef uint16_t sequence
        cdef uint32_t rtp_time, clock
        cdef double transit, difference
        if descriptor >= self._capacity or self._paths[descriptor] == NULL:
            return 0  # the descriptor that wakes us, or a path that was just taken away
        path = self._paths[descriptor]
        if path.parked_size:
            return 0
        size = recv(descriptor, buffer, SIZE, MSG_DONTWAIT)
        if size <= 0:
            return 0  # nothing there, or an ICMP error of an earlier packet
        sequence = <uint16_t> (buffer[2] << 8 | buffer[3])
        out = path.table[buffer[1]]
        if (
            size < HEADER
            or buffer[0] != 0x80
            or out == NOT_RELAYED
            or sequence != path.next_sequence
            or _word(buffer + 8) != path.source
        ):
            memcpy(path.parked, buffer, size)
            path.parked_size = <int> size
            path.parked_at = now
            self._watch(path, 0)
            return 1
        if sequence == 0:
            path.cycles += 65536
        path.next_sequence = <uint16_t> (sequence + 1)
        path.received += 1
        path.octets += size - HEADER
        path.last_received = now
        rtp_time = path.rtp_time = _word(buffer + 4)
        clock = path.clocks[buffer[1] & 0x7F]
        if clock:
            transit = now * clock - rtp_time
            if path.has_transit:
                difference = transit - path.transit
                if difference < 0:
                    difference = -difference
                if difference < 2147483648.0:  # else the timestamps have wrapped
                    path.jitter += (difference - path.jitter) / 16
            path.transit = transit
            path.has_transit = True
        buffer[1] = out
        sequence = <uint16_t> (sequence + path.shift_sequence)
        buffer[2] = <uint8_t> (sequence >> 8)
        buffer[3] = <uint8_t> sequence
        _put(buffer + 4, rtp_time + path.shift_time)
        _put(buffer + 8, path.ssrc)
        if send(path.output, buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0:
            path.not_sent += 1  # a full socket buffer or a refused port: media is not sent again
        self.packets += 1
        return 0

    cdef void _watch(self, Path *path, uint32_t events) noexcept nogil:
        cdef epoll_event event
        event.events = events
        event.data.fd = path.descriptor
        epoll_ctl(self._epoll, EPOLL_CTL_MOD, path.descriptor, &event)

    cdef int _lock(self) except -1:
        with nogil:
            pthread_mutex_lock(&self._mutex)
        return 0

    def add(self, NativePath native not None, int descriptor, int output, bytes table not None, dict clocks not None):
        """Take over the reading of a connected socket; OSError when the kernel refuses."""
        cdef Path *path = &native.path
        cdef Path **grown
        cdef epoll_event event
        cdef int capacity
        if len(table) != 256:
            raise ValueError("a table has 256 entries")
        if descriptor < 0 or descriptor in self._objects:
            raise ValueError("the descriptor is relayed already, or is none")
        path.descriptor = descriptor
        path.output = output
        path.parked_size = 0
        memcpy(path.table, <const unsigned char *> table, 256)
        memset(path.clocks, 0, sizeof(path.clocks))
        for number, clock in clocks.items():
            path.clocks[<int> number & 0x7F] = clock
        event.events = EPOLLIN
        event.data.fd = descriptor
        self._lock()
        try:
            if descriptor >= self._capacity:
                capacity = max(2 * self._capacity, descriptor + 64)
                grown = <Path **> realloc(self._paths, capacity * sizeof(Path *))
                if grown == NULL:
                    raise MemoryError
                memset(grown + self._capacity, 0, (capacity - self._capacity) * sizeof(Path *))
                self._paths = grown
                self._capacity = capacity
            if epoll_ctl(self._epoll, EPOLL_CTL_ADD, descriptor, &event) < 0:
                raise OSError(_errno.EINVAL, "the socket cannot be watched")
            self._paths[descriptor] = path
            self._objects[descriptor] = native
        finally:
            pthread_mutex_unlock(&self._mutex)

    def remove(self, NativePath native not None):
        """Give the socket back; a datagram that has parked is returned, with its time, else None."""
        cdef Path *path = &native.path
        cdef epoll_event event
        self._lock()
        try:
            if self._objects.get(path.descriptor) is not native:
                return None
            epoll_ctl(self._epoll, EPOLL_CTL_DEL, path.descriptor, &event)
            self._paths[path.descriptor] = NULL
            del self._objects[path.descriptor]
            return self._parked(path)
        finally:
            pthread_mutex_unlock(&self._mutex)

    cdef object _parked(self, Path *path):
        if path.parked_size <= 0:
            return None
        return path.parked[:path.parked_size], path.parked_at

    def take_parked(self):
        """The paths that wait for the loop: ``(path, datagram, when it came)`` each."""
        cdef uint64_t count
        cdef NativePath native
        read(self._notify, &count, sizeof(count))
        found = []
        self._lock()
        try:
            for native in self._objects.values():
                if native.path.parked_size > 0:
                    found.append((native, native.path.parked[:native.path.parked_size], native.path.parked_at))
                    native.path.parked_size = TAKEN
        finally:
            pthread_mutex_unlock(&self._mutex)
        return found

    def put(
        self, NativePath native not None, uint32_t source, uint32_t ssrc, int highest, int64_t cycles, int shift_sequence,
        int64_t shift_time, uint32_t rtp_time, int64_t received, int64_t octets, transit, double jitter, double last_received,
    ):
        """Set the numbers of a path that does not run: not added yet, or parked."""
        cdef Path *path = &native.path
        self._lock()
        try:
            path.source = source
            path.ssrc = ssrc
            path.next_sequence = <uint16_t> (highest + 1 & 0xFFFF)
            path.cycles = cycles
            path.shift_sequence = <uint16_t> (shift_sequence & 0xFFFF)
            path.shift_time = <uint32_t> (shift_time & 0xFFFFFFFF)
            path.rtp_time = rtp_time
            path.received = received
            path.octets = octets
            path.has_transit = transit is not None
            path.transit = transit if transit is not None else 0.0
            path.jitter = jitter
            path.last_received = last_received
            path.not_sent = 0
        finally:
            pthread_mutex_unlock(&self._mutex)

    def resume(self, NativePath native not None):
        """Let a parked path run again."""
        self._lock()
        try:
            if self._objects.get(native.path.descriptor) is native and native.path.parked_size:
                native.path.parked_size = 0
                self._watch(&native.path, EPOLLIN)
        finally:
            pthread_mutex_unlock(&self._mutex)

    def get(self, NativePath native not None):
        """``(highest, cycles, rtp_time, received, octets, transit, jitter, last_received, not_sent)`` of this moment.

        ``not_sent`` counts from the last call.
        """
        cdef Path *path = &native.path
        self._lock()
        try:
            not_sent = path.not_sent
            path.not_sent = 0
            return (
                (path.next_sequence - 1) & 0xFFFF,
                path.cycles,
                path.rtp_time,
                path.received,
                path.octets,
                path.transit if path.has_transit else None,
                path.jitter,
                path.last_received,
                not_sent,
            )
        finally:
            pthread_mutex_unlock(&self._mutex)


cdef inline uint32_t _word(const uint8_t *at) noexcept nogil:
    return <uint32_t> at[0] << 24 | <uint32_t> at[1] << 16 | <uint32_t> at[2] << 8 | at[3]


cdef inline void _put(uint8_t *at, uint32_t value) noexcept nogil:
    at[0] = <uint8_t> (value >> 24)
    at[1] = <uint8_t> (value >> 16)
    at[2] = <uint8_t> (value >> 8)
    at[3] = <uint8_t> value
