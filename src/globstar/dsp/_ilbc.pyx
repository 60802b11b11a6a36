# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""iLBC (RFC 3951): a coder or decoder of one stream. The arithmetic stands in ``_ilbc_encoder.h`` and ``_ilbc_decoder.h``."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int16_t, uint8_t
from libc.string cimport memcpy

include "../base/_sources.pxi"


cdef extern from "_ilbc_encoder.h" nogil:
    ctypedef struct ilbc_shape:
        int samples, octets
    ctypedef struct ilbc_encoder:
        const ilbc_shape *shape
    void ilbc_encoder_begin(ilbc_encoder *coder, int milliseconds)
    void ilbc_encode(ilbc_encoder *coder, const int16_t *samples, uint8_t *payload)


cdef extern from "_ilbc_decoder.h" nogil:
    ctypedef struct ilbc_decoder:
        const ilbc_shape *shape
    void ilbc_decoder_begin(ilbc_decoder *coder, int milliseconds, int is_enhanced)
    void ilbc_decode(ilbc_decoder *coder, const uint8_t *payload, int16_t *samples)


cdef int _checked(int milliseconds) except -1:
    if milliseconds not in (20, 30):
        raise ValueError("a frame of iLBC has 20 or 30 ms")
    return milliseconds


cdef class FrameEncoder:
    """One stream of signed linear at 8 kHz to frames of ``milliseconds``: 38 bytes for 20, 50 for 30."""

    cdef ilbc_encoder coder

    def __cinit__(self, int milliseconds):
        ilbc_encoder_begin(&self.coder, _checked(milliseconds))

    def encode(self, bytes audio not None):
        """One frame; ``audio`` is exactly as long."""
        cdef bytes payload = PyBytes_FromStringAndSize(NULL, self.coder.shape.octets)
        cdef uint8_t *into = <uint8_t *> PyBytes_AS_STRING(payload)
        cdef int16_t samples[240]
        if len(audio) != 2 * self.coder.shape.samples:
            raise ValueError(f"a frame has {2 * self.coder.shape.samples} bytes of signed linear")
        memcpy(samples, PyBytes_AS_STRING(audio), len(audio))
        with nogil:
            ilbc_encode(&self.coder, samples, into)
        return payload


cdef class FrameDecoder:
    """One stream of frames of ``milliseconds`` to signed linear at 8 kHz."""

    cdef ilbc_decoder coder

    def __cinit__(self, int milliseconds, bint enhanced=False):
        ilbc_decoder_begin(&self.coder, _checked(milliseconds), enhanced)

    def decode(self, bytes payload):
        """The audio of one frame, or, without one, audio in place of a frame that is lost."""
        cdef bytes audio
        cdef int16_t samples[240]
        cdef const uint8_t *data = NULL
        if payload is not None:
            if len(payload) != self.coder.shape.octets:
                raise ValueError(f"a frame has {self.coder.shape.octets} bytes")
            data = <const uint8_t *> PyBytes_AS_STRING(payload)
        with nogil:
            ilbc_decode(&self.coder, data, samples)
        audio = PyBytes_FromStringAndSize(<char *> samples, 2 * self.coder.shape.samples)
        return audio
