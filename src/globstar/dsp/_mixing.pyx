# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The native twin of ``dsp.mixing``: the same functions, which work without the interpreter's lock.

The arithmetic stands in ``_mixing.h``.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int16_t, int32_t, uint8_t
from libc.stdlib cimport free, malloc

import numpy as np

from globstar.dsp.encoding import Encoding

include "../base/_sources.pxi"


cdef extern from "_mixing.h" nogil:
    ctypedef enum mix_law:
        MIX_LINEAR, MIX_ULAW, MIX_ALAW
    void mix_prepare()
    size_t mix_octets(mix_law law, size_t samples)
    void mix_decode(mix_law law, const uint8_t *payload, int16_t *row, size_t samples)
    void mix_encode(mix_law law, const int32_t *sums, uint8_t *payload, size_t samples)
    void mix_encode_others(mix_law law, const int32_t *total, const int16_t *row, uint8_t *payload, size_t samples)
    void mix_add(const int16_t *row, int32_t *total, size_t samples)
    void mix_scale(const int16_t *row, float factor, int16_t *scaled, size_t samples)
    int32_t mix_level(const int16_t *row, size_t samples)


mix_prepare()

cdef dict _LAWS = {Encoding.LINEAR: MIX_LINEAR, Encoding.ULAW: MIX_ULAW, Encoding.ALAW: MIX_ALAW}


def decode(encoding, list payloads not None, Py_ssize_t samples):
    """See ``dsp.mixing``."""
    cdef mix_law law = _LAWS[encoding]
    cdef Py_ssize_t count = len(payloads), place, octets = mix_octets(law, samples)
    rows = np.empty((count, samples), np.int16)
    cdef int16_t[:, ::1] into = rows
    cdef const uint8_t **starts
    if not count or not samples:
        return rows
    starts = <const uint8_t **> malloc(count * sizeof(uint8_t *))
    if starts == NULL:
        raise MemoryError
    try:
        for place in range(count):
            payload = payloads[place]
            if not isinstance(payload, bytes) or len(payload) != octets:
                raise ValueError(f"a payload of a step has {octets} bytes")
            starts[place] = <const uint8_t *> PyBytes_AS_STRING(payload)
        with nogil:
            for place in range(count):
                mix_decode(law, starts[place], &into[place, 0], samples)
    finally:
        free(starts)
    return rows


def encode(encoding, sums not None):
    """See ``dsp.mixing``."""
    cdef mix_law law = _LAWS[encoding]
    cdef const int32_t[::1] values = np.ascontiguousarray(sums, np.int32).reshape(-1)
    cdef Py_ssize_t samples = values.shape[0]
    cdef bytes payload = PyBytes_FromStringAndSize(NULL, mix_octets(law, samples))
    cdef uint8_t *into = <uint8_t *> PyBytes_AS_STRING(payload)
    if samples:
        with nogil:
            mix_encode(law, &values[0], into, samples)
    return payload


def encode_others(encoding, const int32_t[::1] total not None, rows not None):
    """See ``dsp.mixing``."""
    cdef mix_law law = _LAWS[encoding]
    cdef const int16_t[:, ::1] said = np.ascontiguousarray(rows, np.int16)
    cdef Py_ssize_t count = said.shape[0], samples = said.shape[1], place, octets = mix_octets(law, samples)
    cdef uint8_t **starts
    cdef list payloads = []
    if samples != total.shape[0]:
        raise ValueError("rows and sum differ in length")
    if not count or not samples:
        return [b""] * count
    starts = <uint8_t **> malloc(count * sizeof(uint8_t *))
    if starts == NULL:
        raise MemoryError
    try:
        for place in range(count):
            payload = PyBytes_FromStringAndSize(NULL, octets)
            starts[place] = <uint8_t *> PyBytes_AS_STRING(payload)
            payloads.append(payload)
        with nogil:
            for place in range(count):
                mix_encode_others(law, &total[0], &said[place, 0], starts[place], samples)
    finally:
        free(starts)
    return payloads


def total(rows not None):
    """See ``dsp.mixing``."""
    cdef const int16_t[:, ::1] said = np.ascontiguousarray(rows, np.int16)
    cdef Py_ssize_t count = said.shape[0], samples = said.shape[1], place
    sums = np.zeros(samples, np.int32)
    cdef int32_t[::1] into = sums
    if samples:
        with nogil:
            for place in range(count):
                mix_add(&said[place, 0], &into[0], samples)
    return sums


def scaled(rows not None, factors not None):
    """See ``dsp.mixing``."""
    cdef const int16_t[:, ::1] said = np.ascontiguousarray(rows, np.int16)
    cdef const float[::1] by = np.ascontiguousarray(factors, np.float32)
    cdef Py_ssize_t count = said.shape[0], samples = said.shape[1], place
    louder = np.empty((count, samples), np.int16)
    cdef int16_t[:, ::1] into = louder
    if by.shape[0] != count:
        raise ValueError("a factor for each row")
    if samples:
        with nogil:
            for place in range(count):
                mix_scale(&said[place, 0], by[place], &into[place, 0], samples)
    return louder


def levels(rows not None):
    """See ``dsp.mixing``."""
    cdef const int16_t[:, ::1] said = np.ascontiguousarray(rows, np.int16)
    cdef Py_ssize_t count = said.shape[0], samples = said.shape[1], place
    found = np.zeros(count, np.int32)
    cdef int32_t[::1] into = found
    if samples:
        with nogil:
            for place in range(count):
                into[place] = mix_level(&said[place, 0], samples)
    return found.tolist()
