"""System calls for one packet, and what the thread knows as Python values."""

cdef double _now() noexcept nogil:
    cdef timespec clock
    clock_gettime(CLOCK_MONOTONIC, &clock)
    return <double> clock.tv_sec + <double> clock.tv_nsec * 1e-9


cdef void _receive(Letter *letter) noexcept nogil:
    """Receive a letter by a system call of its own."""
    cdef relay_path *path = &letter.slot.path
    letter.source.size = 0
    if path.comes_from.size:
        letter.source.size = sizeof(letter.source.at)
        letter.size = <int> recvfrom(
            path.descriptor, letter.datagram, RELAY_DATAGRAM, MSG_DONTWAIT, &letter.source.at.any, &letter.source.size
        )
    else:
        letter.size = <int> recv(path.descriptor, letter.datagram, RELAY_DATAGRAM, MSG_DONTWAIT)


cdef void _send(Letter *letter) noexcept nogil:
    """Send a letter, if it is to be sent on."""
    cdef relay_path *path = letter.path
    cdef ssize_t sent
    if path == NULL:
        return
    if path.goes_to.size:
        sent = sendto(
            path.output, letter.packet, letter.packet_size, MSG_DONTWAIT | MSG_NOSIGNAL, &path.goes_to.at.any, path.goes_to.size
        )
    else:
        sent = send(path.output, letter.packet, letter.packet_size, MSG_DONTWAIT | MSG_NOSIGNAL)
    if sent < 0:
        path.not_sent += 1  # a full socket buffer or a refused port: media is not sent again


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
        path.history, path.regular_since, _arrivals(path.notes) if path.notes != NULL and path.notes.count else (),
    )  # fmt: skip


cdef tuple _arrivals(feedback_arrivals *notes):
    cdef int index
    found = tuple([(notes.numbers[index], notes.times[index]) for index in range(notes.count)])
    notes.count = 0
    return found
