"""The keys of a stream (libsrtp's, see ``libsrtp.py``) and the packets that are kept of it, as Python holds them."""

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


cdef class KeptPackets:
    """The last packets that were sent, for who asks for one of them once more; see ``globstar.media.kept``."""

    cdef feedback_kept kept

    def __cinit__(self):
        memset(&self.kept, 0, sizeof(feedback_kept))
        pthread_mutex_init(&self.kept.guard, NULL)

    def __dealloc__(self):
        feedback_clear(&self.kept)
        pthread_mutex_destroy(&self.kept.guard)

    def put(self, bytes data not None):
        """Keep a packet of RTP; ValueError for what is none, or is too long."""
        if not RELAY_HEADER <= len(data) <= RELAY_DATAGRAM:
            raise ValueError("what is kept are packets of RTP")
        feedback_keep(&self.kept, <const unsigned char *> data, <int> len(data))

    def get(self, uint16_t number):
        """The packet of that number; None if it is not kept."""
        cdef const feedback_packet *found
        with nogil:
            pthread_mutex_lock(&self.kept.guard)
        try:
            found = feedback_find(&self.kept, number)
            return found.data[:found.size] if found != NULL else None
        finally:
            pthread_mutex_unlock(&self.kept.guard)

    def clear(self):
        """Forget all."""
        feedback_clear(&self.kept)
