# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The native relay: packets of connected sockets forwarded by a thread that never holds the interpreter.

What happens to a packet stands in ``_relay.h``; here are the thread, its sockets and what the loop asks of it. A datagram that the
thread does not treat *parks* its path: the loop treats it as it would without this module, and then the path goes on.
Digits that the thread has sent on are told to the loop in batches, as are the numbers of many paths at once.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc, realloc
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
    ctypedef unsigned int socklen_t
    cdef struct sockaddr:
        pass
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


cdef extern from "_relay.h" nogil:
    enum:
        RELAY_HEADER, RELAY_LEAD, RELAY_DATAGRAM, RELAY_ROOM, RELAY_REPLAYED, RELAY_REPLAYED_OLD
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
        int has_transit
        double transit
        double jitter
        double last_received
        const uint8_t *table
        const uint32_t *clocks
        int sees_digits
        relay_cipher *opens
        relay_cipher *seals
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
    double relay_pause(double rate, double longest)
    int relay_set_peer(relay_peer *peer, const char *host, int port)
    int relay_show_peer(const relay_peer *peer, char *host)
    bint relay_is_same(const relay_peer *one, const relay_peer *other)


cdef enum:
    BATCH = 256  # sockets that one look finds
    TURN = 16  # packets that are treated before the loop has its turn
    DIGITS = 256  # digits that wait for the loop at the most
    TAKEN = -1


class CipherFault(Exception):
    """A packet could not be protected, or is not authentic; the text speaks of a replay if it came before."""


cdef class Cipher:
    """One direction of the keys of SRTP, for the loop and for the relay's threads at once.

    ``session`` is kept alive; ``pointer`` is its ``srtp_t``, ``rtp`` and ``rtcp`` are addresses of libsrtp's functions. ``mki`` is the
    length of the key identifier that the threads take out of received packets, ``tag`` what stands after it.
    """

    cdef relay_cipher cipher
    cdef object _session

    def __cinit__(self, object session, uintptr_t pointer, uintptr_t rtp, uintptr_t rtcp, int mki=0, int tag=0):
        if not (pointer and rtp and rtcp) or mki < 0 or tag < 0:
            raise ValueError("a cipher needs a session and its functions")
        memset(&self.cipher, 0, sizeof(relay_cipher))
        pthread_mutex_init(&self.cipher.guard, NULL)
        self._session = session
        self.cipher.session = <void *> pointer
        self.cipher.rtp = <relay_transform> rtp
        self.cipher.rtcp = <relay_transform> rtcp
        self.cipher.mki = mki
        self.cipher.tag = tag

    def __dealloc__(self):
        pthread_mutex_destroy(&self.cipher.guard)

    def rtp(self, bytes packet not None):
        """A packet of RTP protected or unprotected; CipherFault, and ValueError for one that is too long."""
        return self._apply(packet, self.cipher.rtp)

    def rtcp(self, bytes packet not None):
        """A packet of RTCP; as :meth:`rtp`."""
        return self._apply(packet, self.cipher.rtcp)

    cdef bytes _apply(self, bytes packet, relay_transform transform):
        cdef uint8_t buffer[RELAY_ROOM]
        cdef int size = <int> len(packet)
        cdef int status
        if size > RELAY_DATAGRAM:
            raise ValueError("packet is too long")
        memcpy(buffer, <const unsigned char *> packet, size)
        with nogil:
            pthread_mutex_lock(&self.cipher.guard)
            status = transform(self.cipher.session, buffer, &size)
            pthread_mutex_unlock(&self.cipher.guard)
        if status:
            is_replay = status == RELAY_REPLAYED or status == RELAY_REPLAYED_OLD
            raise CipherFault("replay check failed" if is_replay else f"status {status} of libsrtp")
        return buffer[:size]

    @property
    def address(self):
        """Where it lies in memory, for the other native modules; keep the object as long as that is used."""
        return <uintptr_t> &self.cipher

    cpdef tuple refused(self):
        """How many packets the threads have refused since the last call: not authentic, replayed."""
        with nogil:
            pthread_mutex_lock(&self.cipher.guard)
        found = (self.cipher.not_authentic, self.cipher.replayed)
        self.cipher.not_authentic = self.cipher.replayed = 0
        pthread_mutex_unlock(&self.cipher.guard)
        return found


cdef struct Slot:
    relay_path path  # the first member, so that a path's address is its slot's
    uint8_t *parked  # the datagram that waits for the loop; what is parked is the first path of a socket, and the socket with it
    int parked_size  # 0 while the path runs, TAKEN while the loop treats it
    double parked_at
    relay_peer parked_from


cdef struct Told:
    Slot *slot
    double now
    relay_digit digit


cdef class NativePath:
    """One direction of a relay. All numbers are exchanged with the lock of its :class:`RelayThread` held."""

    cdef Slot slot
    cdef public object owner
    cdef object _kept
    cdef Cipher _opens

    def __cinit__(self):
        memset(&self.slot, 0, sizeof(Slot))

    def __dealloc__(self):
        free(self.slot.parked)


cdef class RelayThread:
    """The thread's half of a relay engine. ``run`` is its body; everything else is called from the loop.

    ``notify_descriptor`` becomes readable when there is something for :meth:`take`. ``longest_wait`` (seconds) bounds for how
    long packets are gathered where there are many.
    """

    cdef int _epoll
    cdef int _notify
    cdef int _wake
    cdef int _stopping
    cdef double _longest_wait
    cdef pthread_mutex_t _turn
    cdef pthread_mutex_t _mutex
    cdef Slot **_slots  # by descriptor the first path of each socket
    cdef Slot **_waiting
    cdef int _waiting_count
    cdef int _capacity
    cdef Told _told[DIGITS]
    cdef int _told_count
    cdef uint64_t _wakeups
    cdef uint64_t _packets
    cdef uint64_t _digits_missed
    cdef dict _objects

    def __cinit__(self, double longest_wait=0.004):
        self._epoll = self._notify = self._wake = -1
        self._slots = NULL
        self._waiting = NULL
        self._longest_wait = longest_wait
        pthread_mutex_init(&self._turn, NULL)
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
        free(self._slots)
        free(self._waiting)
        pthread_mutex_destroy(&self._mutex)
        pthread_mutex_destroy(&self._turn)

    @property
    def notify_descriptor(self):
        """Readable when :meth:`take` has something."""
        return self._notify

    def __len__(self):
        return len(self._objects)

    @property
    def wakeups(self):
        """How often the thread has looked."""
        return self.counts()[0]

    @property
    def packets(self):
        """Packets that were sent on."""
        return self.counts()[1]

    @property
    def digits_missed(self):
        """Packets of digits that were sent on and not told, because too many waited for the loop."""
        return self.counts()[2]

    def counts(self):
        """``(wakeups, packets, digits_missed)`` at one moment."""
        self._lock()
        found = (self._wakeups, self._packets, self._digits_missed)
        pthread_mutex_unlock(&self._mutex)
        return found

    # -- the thread ----------------------------------------------------------------------------------------------

    def stop(self):
        """Let :meth:`run` return."""
        cdef uint64_t one = 1
        relay_raise(&self._stopping)
        write(self._wake, &one, sizeof(one))

    def run(self):
        """Relay until :meth:`stop`; the body of a thread of its own."""
        with nogil:
            self._run()

    cdef void _run(self) noexcept nogil:
        cdef epoll_event events[BATCH]
        cdef int count, index, told
        cdef uint64_t one = 1
        cdef double now, last = 0, rate = 0
        cdef uint8_t buffer[RELAY_LEAD + RELAY_ROOM]
        while not relay_is_raised(&self._stopping):
            count = epoll_wait(self._epoll, events, BATCH, -1)
            if count <= 0:
                continue
            now = _now()
            told = 0
            self._enter()
            self._wakeups += 1
            for index in range(count):
                told |= self._serve(events[index].data.fd, buffer, now)
                if index % TURN == TURN - 1:
                    pthread_mutex_unlock(&self._mutex)
                    self._enter()
            pthread_mutex_unlock(&self._mutex)
            if told:
                write(self._notify, &one, sizeof(one))
            if now > last:
                rate += (count / (now - last) - rate) / 16
            last = now
            if count < BATCH and not relay_is_raised(&self._stopping):
                _sleep(relay_pause(rate, self._longest_wait))

    cdef int _serve(self, int descriptor, uint8_t *buffer, double now) noexcept nogil:
        """Read one packet of a socket and send it on; 1 when there is something for the loop."""
        cdef Slot *slot
        cdef relay_path *path
        cdef relay_verdict verdict
        cdef uint8_t *datagram
        cdef uint8_t *packet = buffer + RELAY_LEAD
        cdef int size, inner
        cdef ssize_t sent
        cdef relay_digit digit
        cdef relay_peer source
        if descriptor >= self._capacity or self._slots[descriptor] == NULL:
            return 0  # the descriptor that wakes us, or a path that was just taken away
        slot = self._slots[descriptor]
        path = &slot.path
        if slot.parked_size:
            return 0
        datagram = relay_place(path, buffer)
        if path.comes_from.size:
            source.size = sizeof(source.at)
            size = <int> recvfrom(descriptor, datagram, RELAY_DATAGRAM, MSG_DONTWAIT, &source.at.any, &source.size)
        else:
            source.size = 0
            size = <int> recv(descriptor, datagram, RELAY_DATAGRAM, MSG_DONTWAIT)
        if size <= 0:
            return 0  # nothing there, or an ICMP error of an earlier packet
        if source.size and not relay_is_same(&source, &path.comes_from):
            return self._park(slot, datagram, size, now, &source)
        inner = relay_unwrap(path, datagram, size)
        if inner < 0:
            return self._park(slot, datagram, size, now, &source)
        path = relay_find(path, packet, inner)
        verdict = relay_take(path, packet, &inner, now, &digit)
        if verdict == RELAY_PARK:
            return self._park(slot, datagram, size, now, &source)
        if verdict == RELAY_DROP:
            return 0
        packet = relay_wrap(path, buffer, &inner)
        if path.goes_to.size:
            sent = sendto(path.output, packet, inner, MSG_DONTWAIT | MSG_NOSIGNAL, &path.goes_to.at.any, path.goes_to.size)
        else:
            sent = send(path.output, packet, inner, MSG_DONTWAIT | MSG_NOSIGNAL)
        if sent < 0:
            path.not_sent += 1  # a full socket buffer or a refused port: media is not sent again
        self._packets += 1
        return self._tell(<Slot *> path, &digit, now) if verdict == RELAY_SEND_DIGIT else 0

    cdef int _park(
        self, Slot *slot, const uint8_t *packet, int size, double now, const relay_peer *source
    ) noexcept nogil:
        slot.parked = <uint8_t *> malloc(size)
        if slot.parked == NULL:
            return 0
        memcpy(slot.parked, packet, size)
        slot.parked_size = size
        slot.parked_at = now
        slot.parked_from = source[0]
        self._waiting[self._waiting_count] = slot
        self._waiting_count += 1
        self._watch(slot.path.descriptor, 0)
        return 1

    cdef int _tell(self, Slot *slot, const relay_digit *digit, double now) noexcept nogil:
        cdef Told *told
        if self._told_count == DIGITS:
            self._digits_missed += 1
            return 1
        told = &self._told[self._told_count]
        told.slot = slot
        told.digit = digit[0]
        told.now = now
        self._told_count += 1
        return 1

    cdef void _watch(self, int descriptor, uint32_t events) noexcept nogil:
        cdef epoll_event event
        event.events = events
        event.data.fd = descriptor
        epoll_ctl(self._epoll, EPOLL_CTL_MOD, descriptor, &event)

    cdef void _enter(self) noexcept nogil:
        """Take the lock, in turn: without the order of ``_turn`` a busy thread would keep the loop waiting."""
        pthread_mutex_lock(&self._turn)
        pthread_mutex_lock(&self._mutex)
        pthread_mutex_unlock(&self._turn)

    # -- the loop ------------------------------------------------------------------------------------------------

    cdef int _lock(self) except -1:
        with nogil:
            self._enter()
        return 0

    cdef int _grow(self, int descriptor) except -1:
        """Have room for a descriptor; with the lock held."""
        cdef int capacity = max(2 * self._capacity, descriptor + 64)
        cdef Slot **slots = <Slot **> realloc(self._slots, capacity * sizeof(Slot *))
        cdef Slot **waiting
        if slots == NULL:
            raise MemoryError
        self._slots = slots
        waiting = <Slot **> realloc(self._waiting, capacity * sizeof(Slot *))
        if waiting == NULL:
            raise MemoryError
        self._waiting = waiting
        memset(slots + self._capacity, 0, (capacity - self._capacity) * sizeof(Slot *))
        self._capacity = capacity
        return 0

    def add(
        self, NativePath native not None, int descriptor, int output, bytes table not None, bytes clocks not None,
        bint sees_digits, Cipher opens, Cipher seals, comes_from, goes_to, uint16_t channel_in=0, uint16_t channel_out=0,
        NativePath first=None,
    ):
        """Take over the reading of a socket; OSError when the kernel refuses.

        ``comes_from`` and ``goes_to`` are host and port of the peers of sockets that are not connected, None for those that are.

        ``table`` gives the second octet that is sent for each that comes, ``clocks`` are 128 numbers of 32 bits: the clock rate
        for jitter by payload type, 0 for digits, which are told with ``sees_digits``. Paths with the same tables should share them.

        ``channel_in`` and ``channel_out`` are channels of TURN, 0 without it; then the peers are TURN servers. ``first`` is the path
        that has the same socket already, in a bundle; None for the first one. All end together: see :meth:`remove`.
        """
        cdef relay_path *path = &native.slot.path
        cdef epoll_event event
        if len(table) != 256 or len(clocks) != 512:
            raise ValueError("a table has 256 entries, and there are 128 clocks")
        if descriptor < 0 or <uintptr_t> &native.slot in self._objects:
            raise ValueError("the path is relayed already, or there is no socket")
        native._kept = (table, clocks, seals)
        native._opens = opens
        _set_peer(&path.comes_from, comes_from)
        _set_peer(&path.goes_to, goes_to)
        path.descriptor = descriptor
        path.output = output
        path.table = <const unsigned char *> table
        path.clocks = <const uint32_t *> <const unsigned char *> clocks
        path.sees_digits = sees_digits
        path.opens = &opens.cipher if opens is not None else NULL
        path.seals = &seals.cipher if seals is not None else NULL
        path.channel_in = channel_in
        path.channel_out = channel_out
        path.next = NULL
        native.slot.parked_size = 0
        event.events = EPOLLIN
        event.data.fd = descriptor
        self._lock()
        try:
            if descriptor >= self._capacity:
                self._grow(descriptor)
            if first is not None:
                if self._slots[descriptor] != &first.slot:
                    raise ValueError("the socket is not that of the first path")
                path.next = first.slot.path.next
                first.slot.path.next = path
            else:
                if self._slots[descriptor] != NULL:
                    raise ValueError("the socket is relayed already")
                if epoll_ctl(self._epoll, EPOLL_CTL_ADD, descriptor, &event) < 0:
                    raise OSError(_errno.EINVAL, "the socket cannot be watched")
                self._slots[descriptor] = &native.slot
            self._objects[<uintptr_t> &native.slot] = native
        finally:
            pthread_mutex_unlock(&self._mutex)

    def remove(self, NativePath native not None):
        """End a path: ``(digits, parked)``, what :meth:`take` would have given for it.

        With the first path of a socket nothing more is read there; others of that socket are to be removed as well.
        """
        cdef Slot *slot = &native.slot
        cdef Slot *first
        cdef relay_path *before
        cdef int descriptor = slot.path.descriptor
        cdef epoll_event event
        cdef int index, kept = 0
        digits = []
        self._lock()
        try:
            if self._objects.get(<uintptr_t> slot) is not native:
                return digits, None
            for index in range(self._told_count):
                if self._told[index].slot == slot:
                    digits.append(_digit(native, &self._told[index]))
                else:
                    self._told[kept] = self._told[index]
                    kept += 1
            self._told_count = kept
            kept = 0
            for index in range(self._waiting_count):
                if self._waiting[index] != slot:
                    self._waiting[kept] = self._waiting[index]
                    kept += 1
            self._waiting_count = kept
            first = self._slots[descriptor]
            if first == slot:
                epoll_ctl(self._epoll, EPOLL_CTL_DEL, descriptor, &event)
                self._slots[descriptor] = NULL
            elif first != NULL:
                before = &first.path
                while before.next != NULL and before.next != &slot.path:
                    before = before.next
                if before.next != NULL:
                    before.next = slot.path.next
            del self._objects[<uintptr_t> slot]
            return digits, _parked(native) if slot.parked_size > 0 else None
        finally:
            pthread_mutex_unlock(&self._mutex)

    def take(self):
        """What has happened since the last call, in lists of tuples: digits, and paths that wait until they are resumed.

        A digit is ``(path, second octet, payload, rtp_time, when)``; one that waits is ``(path, datagram, when, source)``, and for
        the same path it came after the digits. ``source`` is None where the socket is connected.
        """
        cdef uint64_t count
        cdef int index
        digits, parked = [], []
        self._lock()
        try:
            read(self._notify, &count, sizeof(count))
            for index in range(self._told_count):
                digits.append(_digit(self._objects[<uintptr_t> self._told[index].slot], &self._told[index]))
            self._told_count = 0
            for index in range(self._waiting_count):
                parked.append(_parked(self._objects[<uintptr_t> self._waiting[index]]))
            self._waiting_count = 0
        finally:
            pthread_mutex_unlock(&self._mutex)
        return digits, parked

    def put(
        self, NativePath native not None, uint32_t source, uint32_t ssrc, int highest, int64_t cycles, int shift_sequence,
        int64_t shift_time, uint32_t rtp_time, int64_t received, int64_t octets, transit, double jitter, double last_received,
        uint64_t history, int64_t regular_since,
    ):
        """Set the numbers of a path that does not run: not added yet, or parked."""
        cdef relay_path *path = &native.slot.path
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
            path.history = history
            path.regular_since = regular_since
            path.not_sent = 0
        finally:
            pthread_mutex_unlock(&self._mutex)

    def resume(self, NativePath native not None):
        """Let a socket be read again whose first path has parked."""
        self._lock()
        try:
            if self._objects.get(<uintptr_t> &native.slot) is native and native.slot.parked_size:
                native.slot.parked_size = 0
                self._watch(native.slot.path.descriptor, EPOLLIN)
        finally:
            pthread_mutex_unlock(&self._mutex)

    def get(self, list natives not None):
        """The numbers of this moment of each path::

            (highest, cycles, rtp_time, received, octets, transit, jitter, last_received, not_sent, not_authentic, replayed, history, regular_since)

        ``not_sent``, ``not_authentic`` and ``replayed`` count from the last call.
        """
        cdef NativePath native
        found = []
        self._lock()
        try:
            for native in natives:
                found.append(_numbers(native))
        finally:
            pthread_mutex_unlock(&self._mutex)
        return found


cdef double _now() noexcept nogil:
    cdef timespec clock
    clock_gettime(CLOCK_MONOTONIC, &clock)
    return <double> clock.tv_sec + <double> clock.tv_nsec * 1e-9


cdef void _sleep(double seconds) noexcept nogil:
    cdef timespec pause
    if seconds > 0:
        pause.tv_sec = 0
        pause.tv_nsec = <long> (seconds * 1e9)
        nanosleep(&pause, NULL)


cdef int _set_peer(relay_peer *peer, address) except -1:
    memset(peer, 0, sizeof(relay_peer))
    if address is not None:
        host = address[0].encode()
        if relay_set_peer(peer, host, address[1]):
            raise OSError(_errno.EINVAL, f"{address} is no address")
    return 0


cdef tuple _digit(NativePath native, const Told *told):
    return native, told.digit.second, told.digit.payload[:told.digit.size], told.digit.rtp_time, told.now


cdef tuple _parked(NativePath native):
    """The datagram that has parked; the path now waits for :meth:`RelayThread.resume`."""
    cdef Slot *slot = &native.slot
    cdef char host[64]
    cdef int port
    source = None
    if slot.parked_from.size:
        port = relay_show_peer(&slot.parked_from, host)
        source = ((<bytes> host).decode(), port)
    found = (native, slot.parked[:slot.parked_size], slot.parked_at, source)
    free(slot.parked)
    slot.parked = NULL
    slot.parked_size = TAKEN
    return found


cdef tuple _numbers(NativePath native):
    cdef relay_path *path = &native.slot.path
    not_sent = path.not_sent
    path.not_sent = 0
    not_authentic, replayed = native._opens.refused() if native._opens is not None else (0, 0)
    return (
        (path.next_sequence - 1) & 0xFFFF, path.cycles, path.rtp_time, path.received, path.octets,
        path.transit if path.has_transit else None, path.jitter, path.last_received, not_sent, not_authentic, replayed,
        path.history, path.regular_since,
    )  # fmt: skip
