# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The native relay: packets of connected sockets forwarded by a thread that never holds the interpreter.

What happens to a packet stands in ``_relay.h``; here are the thread, its sockets and what the loop asks of it. A datagram that the
thread does not treat *parks* its path: the loop treats it as it would without this module, and then the path goes on.
Digits that the thread has sent on are told to the loop in batches, as are the numbers of many paths at once.
"""

from libc.errno cimport EIO
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset
from posix.types cimport time_t

import errno as _errno
import os

include "../base/_sources.pxi"
include "_native_c.pxi"
include "_native_objects.pxi"


cdef struct Slot:
    relay_path path  # the first member, so that a path's address is its slot's
    uint8_t *parked  # the datagram that waits for the loop; what is parked is the first path of a socket, and the socket with it
    int parked_size  # 0 while the path runs, TAKEN while the loop treats it
    double parked_at
    uint64_t read_in  # the wake-up in which a packet of the socket was read last
    relay_peer parked_from


cdef struct Told:
    Slot *slot
    double now
    relay_digit digit


cdef struct Letter:
    uint8_t *buffer  # of ROOM octets, the packet at RELAY_LEAD
    Slot *slot
    uint8_t *datagram  # what came, in the buffer
    int size
    relay_peer source  # its size is 0 where the socket is connected
    relay_path *path  # whose packet is to be sent on; NULL for none
    uint8_t *packet  # what is to be sent
    int packet_size
    iovec part
    msghdr message


cdef class NativePath:
    """One direction of a relay. All numbers are exchanged with the lock of its :class:`RelayThread` held."""

    cdef Slot slot
    cdef public object owner
    cdef object _used
    cdef Cipher _opens

    def __cinit__(self):
        memset(&self.slot, 0, sizeof(Slot))

    def __dealloc__(self):
        free(self.slot.parked)
        free(self.slot.path.notes)


cdef class RelayThread:
    """The thread's half of a relay engine. ``run`` is its body; everything else is called from the loop.

    ``notify_descriptor`` becomes readable when there is something for :meth:`take`. ``longest_wait`` (seconds) bounds for how
    long packets are gathered where there are many, which is from ``gathers_from`` packets a second on. With ``wants_ring`` packets
    are received and sent by io_uring, many with one system call, if the kernel permits; else with a system call each.
    """

    cdef int _epoll
    cdef int _notify
    cdef int _wake
    cdef int _stopping
    cdef double _longest_wait
    cdef double _gathers_from
    cdef pthread_mutex_t _turn
    cdef pthread_mutex_t _mutex
    cdef Slot **_slots  # by descriptor the first path of each socket
    cdef Slot **_waiting
    cdef int _waiting_count
    cdef int _capacity
    cdef Told _told[DIGITS]
    cdef int _told_count
    cdef Slot *_due[DUE]
    cdef int _due_count
    cdef double _due_since
    cdef uint64_t _wakeups
    cdef uint64_t _pauses
    cdef double _rate  # packets a second
    cdef double _looked_at
    cdef uint64_t _packets
    cdef uint64_t _digits_missed
    cdef dict _objects
    cdef ring _ring
    cdef int _ring_refusal
    cdef uint8_t *_room
    cdef Letter _letters[TURN]

    def __cinit__(self, double longest_wait=0.004, bint wants_ring=True, double gathers_from=2000):
        cdef int index
        self._epoll = self._notify = self._wake = -1
        self._slots = NULL
        self._waiting = NULL
        self._longest_wait = longest_wait
        self._gathers_from = gathers_from
        self._ring.descriptor = -1
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
        if wants_ring:
            self._ring_refusal = ring_open(&self._ring, TURN)
        self._room = <uint8_t *> malloc(ROOM * (TURN if self._ring.descriptor >= 0 else 1))
        if self._room == NULL:
            raise MemoryError
        for index in range(TURN):
            self._letters[index].buffer = self._room + (ROOM * index if self._ring.descriptor >= 0 else 0)

    def __dealloc__(self):
        for descriptor in (self._epoll, self._notify, self._wake):
            if descriptor >= 0:
                close(descriptor)
        ring_close(&self._ring)
        free(self._room)
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
    def uses_ring(self):
        """Whether packets go by io_uring."""
        self._lock()
        found = self._ring.descriptor >= 0
        pthread_mutex_unlock(&self._mutex)
        return found

    @property
    def ring_refusal(self):
        """Why they do not though they should: an error number, 0 for none."""
        return self._ring_refusal

    @property
    def wakeups(self):
        """How often the thread had nothing to do until packets came."""
        return self.counts()[0]

    @property
    def pauses(self):
        """How often it waited then, to gather more of them."""
        return self.counts()[3]

    @property
    def packets(self):
        """Packets that were sent on."""
        return self.counts()[1]

    @property
    def digits_missed(self):
        """Packets of digits that were sent on and not told, because too many waited for the loop."""
        return self.counts()[2]

    def counts(self):
        """``(wakeups, packets, digits_missed, pauses)`` at one moment."""
        self._lock()
        found = (self._wakeups, self._packets, self._digits_missed, self._pauses)
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
        cdef int count, told, is_full
        cdef double pause
        while not relay_is_raised(&self._stopping):
            count = epoll_wait(self._epoll, events, BATCH, -1)
            if count <= 0:
                continue
            self._enter()
            self._wakeups += 1
            while True:
                told = self._read(events, count)
                pause = relay_pause(self._rate, self._longest_wait, self._gathers_from)
                if pause <= 0 or relay_is_raised(&self._stopping):
                    pause = 0
                    break
                # each look reads one packet of a socket: where more are there, as of a picture, a pause before each would add up
                is_full = count == BATCH
                count = epoll_wait(self._epoll, events, BATCH, 0)
                if count <= 0 or not (is_full or self._is_read_again(events, count)):
                    break
                self._leave(told)
                self._enter()
            if pause > 0:
                self._pauses += 1
            self._leave(told)
            _sleep(pause)

    cdef int _read(self, const epoll_event *events, int count) noexcept nogil:
        """Read one packet of each of these sockets and send it on; 1 when the loop is to be woken up."""
        cdef int start = 0, told = 0
        cdef double now = _now()
        self._rate = relay_rate(self._rate, count, now - self._looked_at)
        self._looked_at = now
        while start < count:
            if start:
                pthread_mutex_unlock(&self._mutex)
                self._enter()
            told |= self._serve(events + start, TURN if count - start > TURN else count - start, now)
            start += TURN
        if self._due_count and now - self._due_since >= DUE_TOGETHER:
            self._due_since = now
            told = 1
        return told

    cdef int _is_read_again(self, const epoll_event *events, int count) noexcept nogil:
        """Whether one of these sockets has more than was read of it in this wake-up."""
        cdef Slot *slot
        cdef int index
        for index in range(count):
            slot = self._slot_of(events[index].data.fd)
            if slot != NULL and slot.read_in == self._wakeups:
                return 1
        return 0

    cdef int _serve(self, const epoll_event *events, int count, double now) noexcept nogil:
        """As :meth:`_read`, of at most ``TURN`` sockets; 1 when there is something for the loop."""
        cdef Letter *letter
        cdef int index, letters = 0, told = 0
        for index in range(count):
            letter = &self._letters[letters]
            letter.slot = self._slot_of(events[index].data.fd)
            if letter.slot == NULL:
                continue
            letter.slot.read_in = self._wakeups
            letter.datagram = relay_place(&letter.slot.path, letter.buffer)
            if self._ring.descriptor >= 0:
                self._order(letter, letters)
                letters += 1
            else:
                _receive(letter)
                told |= self._treat(letter, now)
                _send(letter)
        if letters:
            self._collect(letters)
            for index in range(letters):
                told |= self._treat(&self._letters[index], now)
            self._post(letters)
        return told

    cdef Slot *_slot_of(self, int descriptor) noexcept nogil:
        """Whose socket it is; NULL for the descriptor that wakes us, for one that was just taken away, and for one that rests."""
        cdef Slot *slot = self._slots[descriptor] if descriptor < self._capacity else NULL
        return slot if slot != NULL and not slot.parked_size else NULL

    cdef void _order(self, Letter *letter, int index) noexcept nogil:
        """Have the ring receive a letter."""
        cdef relay_path *path = &letter.slot.path
        letter.source.size = 0
        letter.size = 0
        if not path.comes_from.size:
            ring_receive(&self._ring, index, path.descriptor, letter.datagram, RELAY_DATAGRAM)
            return
        letter.part.iov_base = letter.datagram
        letter.part.iov_len = RELAY_DATAGRAM
        memset(&letter.message, 0, sizeof(msghdr))
        letter.message.msg_name = &letter.source.at
        letter.message.msg_namelen = sizeof(letter.source.at)
        letter.message.msg_iov = &letter.part
        letter.message.msg_iovlen = 1
        ring_receive_from(&self._ring, index, path.descriptor, &letter.message)

    cdef void _collect(self, int count) noexcept nogil:
        """Receive what was ordered. What the kernel does not take is found again by the next look."""
        cdef int index, size
        if ring_submit(&self._ring, True):
            self._give_up_ring()
        while ring_answer(&self._ring, &index, &size):
            if 0 <= index < count:
                self._letters[index].size = size
                if self._letters[index].slot.path.comes_from.size:
                    self._letters[index].source.size = self._letters[index].message.msg_namelen

    cdef void _post(self, int count) noexcept nogil:
        """Send what is to be sent on."""
        cdef Letter *letter
        cdef relay_path *path
        cdef int index, result, left = 0
        if self._ring.descriptor >= 0:
            for index in range(count):
                letter = &self._letters[index]
                path = letter.path
                if path != NULL:
                    ring_send(
                        &self._ring, index, path.output, letter.packet, letter.packet_size, &path.goes_to.at.any, path.goes_to.size
                    )
            left = ring_submit(&self._ring, False)
            while ring_answer(&self._ring, &index, &result):
                if result < 0 and 0 <= index < count and self._letters[index].path != NULL:
                    self._letters[index].path.not_sent += 1
            if left == 0:
                return
            self._give_up_ring()
        else:
            left = count
        for index in range(count - 1, -1, -1):  # the last ones are left
            letter = &self._letters[index]
            if left and letter.path != NULL:
                left -= 1
                _send(letter)

    cdef void _give_up_ring(self) noexcept nogil:
        """The kernel does not serve us any more; should not happen."""
        self._ring_refusal = EIO
        ring_close(&self._ring)

    cdef int _treat(self, Letter *letter, double now) noexcept nogil:
        """Have a packet that was received ready to be sent on, if it is to be; 1 when there is something for the loop."""
        cdef relay_path *path = &letter.slot.path
        cdef relay_verdict verdict
        cdef relay_digit digit
        letter.path = NULL
        if letter.size <= 0:
            return 0  # nothing there, or an ICMP error of an earlier packet
        if letter.source.size and not relay_is_same(&letter.source, &path.comes_from):
            return self._park(letter, now)
        letter.packet_size = relay_unwrap(path, letter.datagram, letter.size)
        if letter.packet_size < 0:
            return self._park(letter, now)
        letter.packet = letter.buffer + RELAY_LEAD
        path = relay_find(path, letter.packet, letter.packet_size)
        verdict = relay_take(path, letter.packet, &letter.packet_size, now, &digit)
        if verdict == RELAY_PARK:
            return self._park(letter, now)
        if path.is_due:
            self._announce(path, now)
        if verdict == RELAY_DROP:
            return 0
        letter.packet = relay_wrap(path, letter.buffer, &letter.packet_size)
        letter.path = path
        self._packets += 1
        return self._tell(<Slot *> path, &digit, now) if verdict == RELAY_SEND_DIGIT else 0

    cdef void _announce(self, relay_path *path, double now) noexcept nogil:
        """It is time to tell when packets came. The loop is woken up for some paths at once: see ``DUE_TOGETHER``."""
        path.is_due = 0
        path.notes.told_at = now
        if self._due_count < DUE:  # else the next time
            self._due[self._due_count] = <Slot *> path
            self._due_count += 1

    cdef int _park(self, Letter *letter, double now) noexcept nogil:
        cdef Slot *slot = letter.slot
        slot.parked = <uint8_t *> malloc(letter.size)
        if slot.parked == NULL:
            return 0
        memcpy(slot.parked, letter.datagram, letter.size)
        slot.parked_size = letter.size
        slot.parked_at = now
        slot.parked_from = letter.source
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

    cdef void _leave(self, int told) noexcept nogil:
        """Give the lock back; ``told``: and wake the loop up."""
        cdef uint64_t one = 1
        pthread_mutex_unlock(&self._mutex)
        if told:
            write(self._notify, &one, sizeof(one))

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
        NativePath first=None, *, uint8_t names=0, bytes name=b"", bint asks=False, KeptPackets keeps=None, uint8_t arrivals=0,
    ):
        """Take over the reading of a socket; OSError when the kernel refuses.

        ``comes_from`` and ``goes_to`` are host and port of the peers of sockets that are not connected, None for those that are.

        ``table`` gives the second octet that is sent for each that comes, ``clocks`` are 128 numbers of 32 bits: the clock rate
        for jitter by payload type, 0 for digits, which are told with ``sees_digits``. Paths with the same tables should share them.

        ``channel_in`` and ``channel_out`` are channels of TURN, 0 without it; then the peers are TURN servers. ``first`` is the path
        that has the same socket already, in a bundle; None for the first one. All end together: see :meth:`remove`.

        A packet parks that has the header extension ``names`` with another value than ``name``, or comes after a gap with ``asks``. ``keeps`` gets what is sent,
        and with ``arrivals``, the number of a header extension, it is told when packets came (0: for neither).
        """
        cdef relay_path *path = &native.slot.path
        cdef epoll_event event
        if len(table) != 256 or len(clocks) != 512:
            raise ValueError("a table has 256 entries, and there are 128 clocks")
        if descriptor < 0 or <uintptr_t> &native.slot in self._objects:
            raise ValueError("the path is relayed already, or there is no socket")
        native._used = (table, clocks, seals, keeps)
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
        path.names = names
        path.name_size = <uint8_t> len(name) if len(name) <= RELAY_NAME else 0
        memcpy(path.name, <const unsigned char *> name, path.name_size)
        path.asks = asks
        path.keeps = &keeps.kept if keeps is not None else NULL
        if arrivals and path.notes == NULL:
            path.notes = <feedback_arrivals *> malloc(sizeof(feedback_arrivals))
            if path.notes == NULL:
                raise MemoryError
        elif not arrivals:
            free(path.notes)
            path.notes = NULL
        if path.notes != NULL:
            path.notes.count = 0
            path.notes.extension = arrivals
            path.notes.told_at = 0
        path.is_due = 0
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
            for index in range(self._due_count):
                if self._due[index] != slot:
                    self._due[kept] = self._due[index]
                    kept += 1
            self._due_count = kept
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
        """What has happened since the last call, in lists: digits, paths that wait until they are resumed, and paths of which it
        is time to tell when their packets came (see :meth:`get`).

        A digit is ``(path, second octet, payload, rtp_time, when)``; one that waits is ``(path, datagram, when, source)``, and for
        the same path it came after the digits. ``source`` is None where the socket is connected.
        """
        cdef uint64_t count
        cdef int index
        digits, parked, due = [], [], []
        self._lock()
        try:
            read(self._notify, &count, sizeof(count))
            for index in range(self._told_count):
                digits.append(_digit(self._objects[<uintptr_t> self._told[index].slot], &self._told[index]))
            self._told_count = 0
            for index in range(self._waiting_count):
                parked.append(_parked(self._objects[<uintptr_t> self._waiting[index]]))
            self._waiting_count = 0
            for index in range(self._due_count):
                due.append(self._objects[<uintptr_t> self._due[index]])
            self._due_count = 0
        finally:
            pthread_mutex_unlock(&self._mutex)
        return digits, parked, due

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
            path.clock = 0
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

            (highest, cycles, rtp_time, received, octets, transit, jitter, last_received, not_sent, not_authentic, replayed, history, regular_since,
             arrivals)

        ``not_sent``, ``not_authentic`` and ``replayed`` count from the last call, and ``arrivals`` are those since then: pairs of the
        number in the header extension and when the packet came.
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


include "_native_figures.pxi"
