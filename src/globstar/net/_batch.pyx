# cython: language_level=3, boundscheck=False, wraparound=False
"""The native twin of ``net.batch``: the system calls of a batch are made one after the other without the interpreter's lock."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_SetFromErrno
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.stdint cimport uint32_t
from libc.stdlib cimport free, malloc

include "../base/_sources.pxi"


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


cdef extern from "<sys/socket.h>" nogil:
    int MSG_DONTWAIT, MSG_NOSIGNAL
    ssize_t recv(int descriptor, void *buffer, size_t size, int flags)
    ssize_t send(int descriptor, const void *buffer, size_t size, int flags)


cdef extern from "<unistd.h>" nogil:
    int close(int descriptor)


cdef enum:
    BATCH = 256
    LONGEST = 8192  # as net.batch.MAX_DATAGRAM
    ROOM = 65536  # for the datagrams of one look; what finds no room waits in its socket for the next
    WAITING = 1024  # datagrams that wait to be sent at the most
    UNREAD = -1  # its user reads by itself
    NOTHING = -2


cdef class Inbox:
    """See ``net.batch.PythonInbox``."""

    cdef int _epoll
    cdef object _on_failure
    cdef dict _readable
    cdef dict _receivers
    cdef char *_room
    cdef epoll_event _events[BATCH]
    cdef int _starts[BATCH]
    cdef int _sizes[BATCH]
    cdef object __weakref__

    def __cinit__(self, on_failure):
        self._room = <char *> malloc(ROOM)
        if self._room == NULL:
            raise MemoryError
        self._epoll = epoll_create1(EPOLL_CLOEXEC)
        if self._epoll < 0:
            PyErr_SetFromErrno(OSError)
        self._on_failure = on_failure
        self._readable = {}
        self._receivers = {}

    def __dealloc__(self):
        if self._epoll >= 0:
            close(self._epoll)
        free(self._room)

    def __len__(self):
        return len(self._readable) + len(self._receivers)

    def fileno(self):
        """See PythonInbox."""
        return self._epoll

    def add(self, int descriptor, on_readable not None):
        """See PythonInbox."""
        self._register(descriptor)
        self._readable[descriptor] = on_readable

    def add_receiver(self, int descriptor, on_datagram not None):
        """See PythonInbox."""
        self._register(descriptor)
        self._receivers[descriptor] = on_datagram

    cdef int _forget(self, int descriptor) except -1:
        """Whether the descriptor was known."""
        known = self._readable.pop(descriptor, None) is not None
        return self._receivers.pop(descriptor, None) is not None or known

    cdef int _register(self, int descriptor) except -1:
        cdef epoll_event event
        if self._forget(descriptor):
            return 0
        event.events = EPOLLIN
        event.data.fd = descriptor
        if epoll_ctl(self._epoll, EPOLL_CTL_ADD, descriptor, &event) < 0:
            PyErr_SetFromErrno(OSError)
        return 0

    def remove(self, int descriptor):
        """See PythonInbox."""
        cdef epoll_event event
        if not self._forget(descriptor):
            return False
        epoll_ctl(self._epoll, EPOLL_CTL_DEL, descriptor, &event)
        return True

    def serve(self, double now):
        """See PythonInbox."""
        cdef int count, index, descriptor
        cdef list users = []
        if self._epoll < 0:
            return 0
        count = epoll_wait(self._epoll, self._events, BATCH, 0)
        for index in range(count):
            descriptor = self._events[index].data.fd
            user = self._receivers.get(descriptor)
            self._sizes[index] = NOTHING if user is not None else UNREAD
            users.append(user if user is not None else self._readable.get(descriptor))
        with nogil:
            self._read(count)
        when = now
        for index in range(count):
            descriptor = self._events[index].data.fd
            user = users[index]
            try:
                if self._sizes[index] == UNREAD:
                    if user is not None and self._readable.get(descriptor) is user:
                        user(when)
                elif self._sizes[index] != NOTHING and self._receivers.get(descriptor) is user:
                    user(PyBytes_FromStringAndSize(self._room + self._starts[index], self._sizes[index]), when)
            except Exception as error:  # one call's bug must not stop the media of the others
                self._on_failure(descriptor, error)
        return count if count > 0 else 0

    cdef void _read(self, int count) noexcept nogil:
        """Read one datagram of each socket whose user wants that."""
        cdef int index, at = 0
        cdef ssize_t size
        for index in range(count):
            if self._sizes[index] == UNREAD or at > ROOM - LONGEST:
                continue
            size = recv(self._events[index].data.fd, self._room + at, LONGEST, MSG_DONTWAIT)
            if size >= 0:  # else there was nothing, or an ICMP error of an earlier packet
                self._starts[index] = at
                self._sizes[index] = <int> size
                at += <int> size

    def close(self):
        """See PythonInbox."""
        self._readable.clear()
        self._receivers.clear()
        if self._epoll >= 0:
            close(self._epoll)
            self._epoll = -1


cdef struct Letter:
    int descriptor
    int failed
    const char *data
    Py_ssize_t size
    PyObject *kept  # the bytes
    PyObject *sender


cdef class Sender:
    """See ``net.batch.PythonSender``."""

    cdef Outbox _outbox
    cdef int _descriptor
    cdef public long lost

    def send(self, bytes data not None, /):
        """Send now, or with the tick; OSError where the kernel refuses at once."""
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
        if self._outbox._is_open:
            self._outbox._put(self, data)
        elif send(self._descriptor, PyBytes_AS_STRING(data), size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0:
            PyErr_SetFromErrno(OSError)
        return size


cdef class Outbox:
    """See ``net.batch.PythonOutbox``; between ``begin`` and ``end`` datagrams wait, to be sent in their order."""

    cdef bint _is_open
    cdef int _count
    cdef Letter _letters[WAITING]

    def __dealloc__(self):
        self._drop()

    def sender(self, bound):
        """See PythonOutbox."""
        made = Sender.__new__(Sender)
        (<Sender> made)._outbox = self
        (<Sender> made)._descriptor = bound.fileno()
        return made

    def begin(self):
        """See PythonOutbox."""
        self._is_open = True

    def end(self):
        """See PythonOutbox."""
        self._is_open = False
        self.flush()

    def flush(self):
        """See PythonOutbox."""
        cdef int index
        if not self._count:
            return
        with nogil:
            for index in range(self._count):
                self._letters[index].failed = send(
                    self._letters[index].descriptor, self._letters[index].data, self._letters[index].size,
                    MSG_DONTWAIT | MSG_NOSIGNAL,
                ) < 0
        for index in range(self._count):
            if self._letters[index].failed:
                (<Sender> self._letters[index].sender).lost += 1
        self._drop()

    cdef int _put(self, Sender sender, bytes data) except -1:
        cdef Letter *letter
        if self._count == WAITING:
            self.flush()
        letter = &self._letters[self._count]
        letter.descriptor = sender._descriptor
        letter.data = PyBytes_AS_STRING(data)
        letter.size = PyBytes_GET_SIZE(data)
        letter.kept = <PyObject *> data
        letter.sender = <PyObject *> sender
        Py_INCREF(data)
        Py_INCREF(sender)
        self._count += 1
        return 0

    cdef void _drop(self) noexcept:
        cdef int index
        for index in range(self._count):
            Py_DECREF(<object> self._letters[index].kept)
            Py_DECREF(<object> self._letters[index].sender)
        self._count = 0
