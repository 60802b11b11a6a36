# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The native conference: what members say is read, mixed and sent without a Python object for a packet.

A :class:`Table` holds the members of one room who are mixed at one rate, a :class:`Seat` is one of them. Everything is called from
the loop's tick; what takes time - the system calls, the samples - is done without the interpreter's lock. The rules stand in
``_conference.h``, the Python twin is ``modules/bridges/softmix``.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.ref cimport PyObject
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uintptr_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset
from posix.types cimport time_t

import errno as _errno

from globstar.dsp.encoding import Encoding

include "../base/_sources.pxi"


cdef extern from "<sys/socket.h>" nogil:
    int MSG_DONTWAIT, MSG_NOSIGNAL
    ctypedef unsigned int socklen_t
    cdef struct sockaddr:
        pass
    ssize_t send(int descriptor, const void *buffer, size_t size, int flags)
    ssize_t sendto(int descriptor, const void *buffer, size_t size, int flags, const sockaddr *target, socklen_t length)


cdef extern from "<time.h>" nogil:
    cdef struct timespec:
        time_t tv_sec
        long tv_nsec
    int CLOCK_MONOTONIC, CLOCK_REALTIME
    int clock_gettime(int clock, timespec *value)


# The relay's structures, as in _native.pyx; each names the fields that it uses.
cdef extern from "_conference.h" nogil:
    enum:
        RELAY_HEADER, RELAY_DATAGRAM, RELAY_ROOM, SEAT_AHEAD, MIX_LINEAR, MIX_ULAW, MIX_ALAW, SEAT_SILENT
        RELAY_PARK
    ctypedef struct relay_cipher:
        pass
    ctypedef union relay_address:
        sockaddr any
    ctypedef struct relay_peer:
        socklen_t size
        relay_address at
    ctypedef struct relay_path:
        int descriptor
        int output
        relay_peer comes_from
        relay_peer goes_to
        uint32_t source
        uint16_t next_sequence
        int64_t cycles
        int64_t received
        int64_t octets
        uint32_t clock
        int has_transit
        double transit
        double jitter
        double last_received
        const uint8_t *table
        const uint32_t *clocks
        relay_cipher *opens
        relay_cipher *seals
    ctypedef struct seat_state "seat":
        relay_path path
        int reads
        int writes
        int swaps_in
        int swaps_out
        int samples
        uint8_t *store
        int size
        int held
        int least
        int steps
        int64_t dropped
        int is_muted
        int is_deaf
        int detects
        int drops_silence
        int is_talking
        int threshold
        int silence_ms
        int quiet_ms
        int interval_ms
        float gain_in
        float gain_out
        int has_row
        int16_t *row
        int may_send
        uint8_t type
        uint16_t sequence
        uint32_t ssrc
        uint32_t rtp_time
        uint32_t last_rtp_time
        double last_time
        int64_t packets
        int64_t octets
        int64_t not_sent
    void mix_prepare()
    size_t mix_octets(int law, size_t samples)
    void mix_encode(int law, const int32_t *sums, uint8_t *payload, size_t samples)
    int relay_set_peer(relay_peer *peer, const char *host, int port)
    int relay_show_peer(const relay_peer *peer, char *host)
    bint relay_is_same(const relay_peer *one, const relay_peer *other)
    int relay_seal(relay_cipher *cipher, uint8_t *packet, int *size)
    int seat_room(int size)
    void seat_store(seat_state *own, const uint8_t *data, int size)
    void seat_swap(uint8_t *data, int size)
    int seat_take(seat_state *own, uint8_t *packet, int *size, double now)
    int seat_step(seat_state *own, int32_t *total)
    bint seat_shares(const seat_state *own)
    int seat_octets(const seat_state *own)
    void seat_hear(const seat_state *own, const int32_t *total, uint8_t *payload)
    bint seat_is_regular(const seat_state *own, double now)
    void seat_head(seat_state *own, uint8_t *packet, int octets, double now)


cdef extern from "_timed.h" nogil:
    enum:
        TIMED_MOST
    ctypedef struct timed_inbox:
        uint8_t data[TIMED_MOST][RELAY_ROOM]
    void timed_prepare(timed_inbox *inbox)
    int timed_enable(int descriptor, int is_on)
    int timed_read(timed_inbox *inbox, int descriptor)
    int timed_size(const timed_inbox *inbox, int index)
    void timed_from(const timed_inbox *inbox, int index, relay_peer *peer)
    double timed_when(timed_inbox *inbox, int index)


cdef enum:
    MOST_OCTETS = 1440  # of a payload that is sent: what fits into a packet of Ethernet
    LAWS = 3
    SLOTS = 12  # conditions that are looked at where they lie

cdef extern from "_slots.h":
    Py_ssize_t slot_offset(object type, object name)
    bint slot_holds(PyObject *thing, Py_ssize_t offset, PyObject *value)


mix_prepare()

cdef dict _LAWS = {Encoding.LINEAR: MIX_LINEAR, Encoding.ULAW: MIX_ULAW, Encoding.ALAW: MIX_ALAW}


cdef struct Slot:
    PyObject *thing
    Py_ssize_t offset
    PyObject *value


cdef class Seat:
    """One member: its socket, its store, its two streams.

    ``owner`` is whom the loop asks. ``conditions`` are triples ``(object, attribute, value)``, ``empties`` lists: as long as all
    attributes have these very values and the lists are empty, nobody but us needs to see the member's voice.
    """

    cdef seat_state own
    cdef readonly object owner
    cdef tuple _conditions  # those whose attributes do not lie in slots
    cdef tuple _empties
    cdef list _held  # what the next ones point to
    cdef Slot _slots[SLOTS]
    cdef int _slot_count
    cdef object _kept
    cdef bint _wants  # its socket is to be read
    cdef readonly bint is_lent  # the numbers of the streams are here
    cdef Py_ssize_t _place

    def __cinit__(
        self, owner, int samples, int interval_ms, reads, writes, tuple conditions not None, tuple empties not None,
        *, bint swaps_in=False, bint swaps_out=False,
    ):
        memset(&self.own, 0, sizeof(seat_state))
        self._place = -1
        self.owner = owner
        self._empties = empties
        self._conditions = self._take_slots(conditions)
        self.own.reads, self.own.writes = _LAWS[reads], _LAWS[writes]
        self.own.swaps_in, self.own.swaps_out = swaps_in, swaps_out
        self.own.samples = samples
        self.own.interval_ms = interval_ms
        self.own.size = <int> mix_octets(self.own.reads, samples)
        self.own.gain_in = self.own.gain_out = 1.0
        if samples <= 0 or seat_octets(&self.own) > MOST_OCTETS:
            raise ValueError("a step is to fit into a packet")
        self.own.store = <uint8_t *> malloc(seat_room(self.own.size))
        self.own.row = <int16_t *> malloc(samples * sizeof(int16_t))
        if self.own.store == NULL or self.own.row == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.own.store)
        free(self.own.row)

    def connect(
        self, int descriptor, comes_from, goes_to, bytes table not None, bytes clocks not None, opens, seals, kept, int type,
    ):
        """Where its packets come from and go to, as for the relay's ``NativePath``; OSError for what is no address.

        ``opens`` and ``seals`` are addresses of ciphers, 0 for plain RTP, ``kept`` is what must live as long as we do; packets of
        ``type`` are sent.
        """
        cdef relay_path *path = &self.own.path
        if len(table) != 256 or len(clocks) != 512:
            raise ValueError("a table has 256 entries, and there are 128 clocks")
        self._kept = (table, clocks, kept)
        _set_peer(&path.comes_from, comes_from)
        _set_peer(&path.goes_to, goes_to)
        path.descriptor = path.output = descriptor
        path.table = <const unsigned char *> table
        path.clocks = <const uint32_t *> <const unsigned char *> clocks
        path.opens = <relay_cipher *> <uintptr_t> opens
        path.seals = <relay_cipher *> <uintptr_t> seals
        self.own.type = <uint8_t> type

    def set_mix(
        self, bint is_muted, bint is_deaf, float gain_in, float gain_out, bint detects, bint drops_silence, int threshold,
        int silence_ms,
    ):
        """What it gives to the mix and hears of it; who is muted has nothing in store."""
        self.own.is_muted, self.own.is_deaf = is_muted, is_deaf
        self.own.gain_in, self.own.gain_out = gain_in, gain_out
        self.own.detects, self.own.drops_silence = detects, drops_silence
        self.own.threshold, self.own.silence_ms = threshold, silence_ms
        if is_muted:
            self.own.held = 0

    @property
    def stands(self):
        """Whether the conditions hold."""
        return self._stands()

    cdef tuple _take_slots(self, tuple conditions):
        """Note where the attributes lie that are slots of their objects: to look there costs next to nothing."""
        cdef Py_ssize_t offset
        cdef Slot *slot
        cdef list others = []
        self._held = []
        for condition in conditions:
            thing, name, value = condition
            offset = slot_offset(type(thing), name)
            if offset < 0 or self._slot_count == SLOTS:
                others.append(condition)
                continue
            slot = &self._slots[self._slot_count]
            slot.thing, slot.offset, slot.value = <PyObject *> thing, offset, <PyObject *> value
            self._held.append((thing, value))
            self._slot_count += 1
        return tuple(others)

    cdef bint _stands(self) except -1:
        cdef int index
        for index in range(self._slot_count):
            if not slot_holds(self._slots[index].thing, self._slots[index].offset, self._slots[index].value):
                return False
        for found in self._empties:
            if <list> found:
                return False
        for thing, name, value in self._conditions:
            if getattr(thing, name) is not value:
                return False
        return True

    def store(self, bytes data not None):
        """Voice that came another way."""
        cdef const unsigned char *at = data
        cdef Py_ssize_t left = len(data)
        cdef int size
        while left:
            size = <int> min(left, RELAY_DATAGRAM)
            seat_store(&self.own, at, size)
            at += size
            left -= size

    def fill(self, bytes data not None, int least, int steps, int64_t dropped, bint is_talking, int quiet_ms):
        """Go on with what a member has in store, and what is known of it."""
        self.store(data)
        self.own.least, self.own.steps, self.own.dropped = least, steps, dropped
        self.own.is_talking, self.own.quiet_ms = is_talking, quiet_ms

    def content(self):
        """What :meth:`fill` takes."""
        cdef bytes data = self.own.store[:self.own.held]
        return data, self.own.least, self.own.steps, self.own.dropped, bool(self.own.is_talking), self.own.quiet_ms

    @property
    def dropped(self):
        """Octets that were thrown away because more came than time went by."""
        return self.own.dropped

    @property
    def held(self):
        """Octets in store."""
        return self.own.held

    def lend(
        self, uint32_t source, int highest, int64_t cycles, int64_t received, int64_t octets, transit, double jitter,
        double last_received, bint may_send, uint32_t ssrc, int sequence, uint32_t rtp_time, uint32_t last_rtp_time,
        double last_time, int64_t packets, int64_t sent_octets,
    ):
        """The numbers of both streams; they count on here until they are taken back."""
        cdef relay_path *path = &self.own.path
        path.source = source
        path.next_sequence = <uint16_t> (highest + 1 & 0xFFFF)
        path.cycles = cycles
        path.received = received
        path.octets = octets
        path.clock = 0
        path.has_transit = transit is not None
        path.transit = transit if transit is not None else 0.0
        path.jitter = jitter
        path.last_received = last_received
        self.own.may_send = may_send
        self.own.ssrc = ssrc
        self.own.sequence = <uint16_t> (sequence & 0xFFFF)
        self.own.rtp_time = rtp_time
        self.own.last_rtp_time = last_rtp_time
        self.own.last_time = last_time
        self.own.packets = packets
        self.own.octets = sent_octets
        self.own.not_sent = 0
        self.is_lent = True

    def take_back(self):
        """The numbers of both streams, None if they are not here::

            (highest, cycles, received, octets, transit, jitter, last_received,
             sequence, rtp_time, last_rtp_time, last_time, packets, octets, not_sent)
        """
        cdef relay_path *path = &self.own.path
        if not self.is_lent:
            return None
        self.is_lent = False
        return (
            (path.next_sequence - 1) & 0xFFFF, path.cycles, path.received, path.octets,
            path.transit if path.has_transit else None, path.jitter, path.last_received,
            self.own.sequence, self.own.rtp_time, self.own.last_rtp_time, self.own.last_time, self.own.packets,
            self.own.octets, self.own.not_sent,
        )  # fmt: skip


cdef struct Parked:
    Py_ssize_t place
    int size
    double when
    relay_peer source
    uint8_t *data


cdef class Table:
    """The members of one room who are mixed at one rate."""

    cdef list _seats
    cdef seat_state **_states
    cdef int *_told
    cdef Py_ssize_t _capacity
    cdef Parked *_parked
    cdef Py_ssize_t _parked_count
    cdef Py_ssize_t _parked_capacity
    cdef Py_ssize_t _unread
    cdef timed_inbox *_inbox
    cdef readonly int samples
    cdef readonly long packets_in
    cdef readonly long packets_out

    def __cinit__(self, int samples):
        self._seats = []
        self.samples = samples
        self._inbox = <timed_inbox *> malloc(sizeof(timed_inbox))
        if self._inbox == NULL:
            raise MemoryError
        timed_prepare(self._inbox)

    def __dealloc__(self):
        cdef Py_ssize_t index
        for index in range(self._parked_count):
            free(self._parked[index].data)
        free(self._parked)
        free(self._states)
        free(self._told)
        free(self._inbox)

    def __len__(self):
        return len(self._seats)

    @property
    def seats(self):
        """Who is there."""
        return tuple(self._seats)

    def add(self, Seat seat not None):
        """One more; the socket is read by nobody else from now on."""
        cdef Py_ssize_t count = len(self._seats), capacity
        cdef seat_state **states
        cdef int *told
        if seat._place >= 0 or seat.own.samples != self.samples:
            raise ValueError("it sits elsewhere, or does not fit here")
        if count == self._capacity:
            capacity = 2 * count + 16
            states = <seat_state **> realloc(self._states, capacity * sizeof(seat_state *))
            if states == NULL:
                raise MemoryError
            self._states = states
            told = <int *> realloc(self._told, capacity * sizeof(int))
            if told == NULL:
                raise MemoryError
            self._told = told
            self._capacity = capacity
        timed_enable(seat.own.path.descriptor, 1)  # where that is refused, packets come when they are read
        self._states[count] = &seat.own
        seat._place = count
        seat._wants = False
        self._seats.append(seat)

    def remove(self, Seat seat not None):
        """One less; unknown ones are no error."""
        cdef Py_ssize_t place = seat._place, last = len(self._seats) - 1
        cdef Seat moved
        if place < 0 or place > last or self._seats[place] is not seat:
            return
        moved = self._seats[last]
        self._seats[place] = moved
        self._states[place] = self._states[last]
        moved._place = place
        del self._seats[last]
        seat._place = -1
        timed_enable(seat.own.path.descriptor, 0)

    def fallen(self):
        """Those whose conditions do not hold any more."""
        cdef Seat seat
        return [seat for seat in self._seats if not seat._stands()]

    def returned(self):
        """Those whose numbers are not here."""
        cdef Seat seat
        return [seat for seat in self._seats if not seat.is_lent]

    # -- in ------------------------------------------------------------------------------------------------------

    def begin(self):
        """All sockets are to be read."""
        cdef Seat seat
        for seat in self._seats:
            seat._wants = True
        self._unread = len(self._seats)

    @property
    def has_unread(self):
        """Whether some socket may have more."""
        return self._unread > 0

    def read(self):
        """Read once from the sockets that are to be read; what only the loop knows to treat comes back::

            [(seat, datagram, when, source), ...]

        in the order in which it came, and such a socket is to be read on afterwards. ``source`` is None where it is connected.
        """
        cdef Py_ssize_t count = len(self._seats), place
        cdef Seat seat
        cdef double offset = _monotonic_less_wall(), now = _now(CLOCK_MONOTONIC)
        cdef int found
        self._unread = 0
        for place in range(count):
            seat = self._seats[place]
            self._told[place] = seat._wants and seat.is_lent
        with nogil:
            for place in range(count):
                if self._told[place]:
                    self._told[place] = self._read_one(place, offset, now)
        for place in range(count):
            seat = self._seats[place]
            found = self._told[place]
            seat._wants = found > 0
            self._unread += found > 0
        return self._take_parked()

    def drain(self, Seat seat not None):
        """What is there to be read of a socket, for the loop to treat: see :meth:`read`; the first datagrams of many."""
        cdef double offset = _monotonic_less_wall(), now = _now(CLOCK_MONOTONIC)
        cdef int count, index
        count = timed_read(self._inbox, seat.own.path.descriptor)
        for index in range(count):
            if self._park(seat._place, index, _when(self._inbox, index, offset, now)) < 0:
                break
        return [found[1:] for found in self._take_parked(seat)]

    cdef int _read_one(self, Py_ssize_t place, double offset, double now) noexcept nogil:
        """Read a few datagrams of a socket; 1 when there may be more to be read."""
        cdef seat_state *own = self._states[place]
        cdef int count = timed_read(self._inbox, own.path.descriptor), index, size
        cdef bint is_strange = False
        cdef relay_peer source
        cdef double when
        for index in range(count):
            when = _when(self._inbox, index, offset, now)
            if not is_strange and own.path.comes_from.size:
                timed_from(self._inbox, index, &source)
                is_strange = not relay_is_same(&source, &own.path.comes_from)
            if not is_strange:
                size = timed_size(self._inbox, index)
                is_strange = seat_take(own, self._inbox.data[index], &size, when) == RELAY_PARK
                self.packets_in += not is_strange
            if is_strange and self._park(place, index, when) < 0:
                return 0
        return is_strange or count == TIMED_MOST

    cdef int _park(self, Py_ssize_t place, int index, double when) noexcept nogil:
        """Keep a datagram for the loop; -1 without memory."""
        cdef Py_ssize_t capacity
        cdef Parked *parked
        cdef int size = timed_size(self._inbox, index)
        if self._parked_count == self._parked_capacity:
            capacity = 2 * self._parked_capacity + 16
            parked = <Parked *> realloc(self._parked, capacity * sizeof(Parked))
            if parked == NULL:
                return -1
            self._parked, self._parked_capacity = parked, capacity
        parked = &self._parked[self._parked_count]
        parked.data = <uint8_t *> malloc(size + 1)
        if parked.data == NULL:
            return -1
        memcpy(parked.data, self._inbox.data[index], size)
        parked.size = size
        parked.place = place
        parked.when = when
        timed_from(self._inbox, index, &parked.source)
        self._parked_count += 1
        return 0

    cdef list _take_parked(self, Seat only=None):
        cdef Py_ssize_t index, count = self._parked_count
        cdef Parked *parked
        cdef Seat seat
        cdef char host[64]
        cdef int port
        cdef list found = []
        for index in range(count):
            parked = &self._parked[index]
            seat = only if only is not None else self._seats[parked.place]
            source = None
            if seat.own.path.comes_from.size:
                port = relay_show_peer(&parked.source, host)
                source = ((<bytes> host).decode(), port)
            found.append((seat, parked.data[:parked.size], parked.when, source))
        for index in range(count):
            free(self._parked[index].data)
        self._parked_count = 0
        return found

    # -- mixing and out ------------------------------------------------------------------------------------------

    def mix(self, int32_t[::1] total not None):
        """Take a step of each member and add what is said to ``total``: ``(how many spoke, [(seat, whether it talks now), ...])``."""
        cdef Py_ssize_t count = len(self._seats), place
        cdef int speakers = 0
        cdef bint is_told = False
        if total.shape[0] != self.samples:
            raise ValueError("rows and sum differ in length")
        with nogil:
            for place in range(count):
                self._told[place] = seat_step(self._states[place], &total[0])
                speakers += self._states[place].has_row
                is_told = is_told or self._told[place] != SEAT_SILENT
        if not is_told:
            return speakers, []
        return speakers, [
            (seat, bool(self._states[place].is_talking))
            for place, seat in enumerate(self._seats)
            if self._told[place] != SEAT_SILENT
        ]

    def send(self, const int32_t[::1] total not None, double now):
        """Send to each what it hears; those whose next packet is none that just follows come back: ``[(seat, payload), ...]``."""
        cdef Py_ssize_t count = len(self._seats), place
        cdef Seat seat
        cdef bint is_left = False
        cdef uint8_t shared[LAWS][MOST_OCTETS]
        cdef bint has_shared[LAWS]
        cdef bytes payload
        cdef list left = []
        if total.shape[0] != self.samples:
            raise ValueError("rows and sum differ in length")
        for place in range(count):
            seat = self._seats[place]
            self._told[place] = seat.is_lent
        memset(has_shared, 0, sizeof(has_shared))
        with nogil:
            for place in range(count):
                if self._told[place] and seat_is_regular(self._states[place], now):
                    self._send_one(self._states[place], &total[0], shared, has_shared, now)
                    self._told[place] = 1
                else:
                    self._told[place] = 0
                    is_left = True
        if is_left:
            for place in range(count):
                if not self._told[place]:
                    payload = PyBytes_FromStringAndSize(NULL, seat_octets(self._states[place]))
                    seat_hear(self._states[place], &total[0], <uint8_t *> PyBytes_AS_STRING(payload))
                    left.append((self._seats[place], payload))
        return left

    cdef void _send_one(
        self, seat_state *own, const int32_t *total, uint8_t (*shared)[MOST_OCTETS], bint *has_shared, double now
    ) noexcept nogil:
        cdef uint8_t packet[RELAY_ROOM]
        cdef int octets = seat_octets(own), size = RELAY_HEADER + octets
        cdef ssize_t sent
        if seat_shares(own):
            if not has_shared[own.writes]:
                mix_encode(own.writes, total, shared[own.writes], own.samples)
                has_shared[own.writes] = True
            memcpy(packet + RELAY_HEADER, shared[own.writes], octets)
        else:
            seat_hear(own, total, packet + RELAY_HEADER)
        if own.swaps_out:
            seat_swap(packet + RELAY_HEADER, octets)
        seat_head(own, packet, octets, now)
        if own.path.seals != NULL and relay_seal(own.path.seals, packet, &size):
            own.not_sent += 1
            return
        if own.path.goes_to.size:
            sent = sendto(
                own.path.output, packet, size, MSG_DONTWAIT | MSG_NOSIGNAL, &own.path.goes_to.at.any, own.path.goes_to.size
            )
        else:
            sent = send(own.path.output, packet, size, MSG_DONTWAIT | MSG_NOSIGNAL)
        if sent < 0:
            own.not_sent += 1  # a full socket buffer or a refused port: media is not sent again
        self.packets_out += 1


cdef double _now(int clock) noexcept nogil:
    cdef timespec at
    clock_gettime(clock, &at)
    return <double> at.tv_sec + <double> at.tv_nsec * 1e-9


cdef double _monotonic_less_wall() noexcept nogil:
    return _now(CLOCK_MONOTONIC) - _now(CLOCK_REALTIME)


cdef double _when(timed_inbox *inbox, int index, double offset, double now) noexcept nogil:
    """When a datagram came, by the monotonic clock; now where the kernel does not say, or its clock was set meanwhile."""
    cdef double at = timed_when(inbox, index)
    if at:
        at += offset
        if now - 1 < at < now:
            return at
    return now


cdef int _set_peer(relay_peer *peer, address) except -1:
    memset(peer, 0, sizeof(relay_peer))
    if address is not None:
        host = address[0].encode()
        if relay_set_peer(peer, host, address[1]):
            raise OSError(_errno.EINVAL, f"{address} is no address")
    return 0
