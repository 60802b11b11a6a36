"""Dates in the words of a locale, whatever the locale of this process is."""

from __future__ import annotations

import ctypes
import ctypes.util
import threading
from datetime import datetime
from functools import cache
from typing import Any

_LC_ALL_MASK = 0x1FBF
_ROOM = 512


class _Tm(ctypes.Structure):
    """``struct tm`` of glibc."""

    _fields_ = [
        *((name, ctypes.c_int) for name in ("sec", "min", "hour", "mday", "mon", "year", "wday", "yday", "isdst")),
        ("gmtoff", ctypes.c_long),
        ("zone", ctypes.c_char_p),
    ]


@cache
def _library() -> Any:
    """The C library with strftime_l, None where it has none."""
    name = ctypes.util.find_library("c")
    if name is None:
        return None
    library = ctypes.CDLL(name)
    if not hasattr(library, "newlocale") or not hasattr(library, "strftime_l"):
        return None
    library.newlocale.restype = ctypes.c_void_p
    library.newlocale.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
    library.strftime_l.restype = ctypes.c_size_t
    library.strftime_l.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.POINTER(_Tm), ctypes.c_void_p)
    return library


_locales: dict[str, int | None] = {}
_lock = threading.Lock()


def _locale(name: str) -> int | None:
    """The locale of that name, None if this machine does not have it. Each is made once and kept."""
    with _lock:
        if name not in _locales:
            library = _library()
            _locales[name] = library.newlocale(_LC_ALL_MASK, name.encode(), None) if library is not None else None
        return _locales[name]


def format_date(moment: datetime, form: str, locale: str = "") -> str:
    """``moment`` by the rules of strftime. Raises LookupError if this machine does not have the locale.

    It may read the disk.
    """
    if not locale:
        return moment.strftime(form)
    handle = _locale(locale)
    if handle is None:
        raise LookupError(locale)
    tuple_ = moment.timetuple()
    offset = moment.utcoffset()
    zone = moment.strftime("%z").encode()  # the C library knows the zone by its name only
    tm = _Tm(
        tuple_.tm_sec, tuple_.tm_min, tuple_.tm_hour, tuple_.tm_mday, tuple_.tm_mon - 1, tuple_.tm_year - 1900,
        (tuple_.tm_wday + 1) % 7, tuple_.tm_yday - 1, tuple_.tm_isdst, int(offset.total_seconds()) if offset is not None else 0,
        (moment.tzname() or "").encode(),
    )  # fmt: skip
    buffer = ctypes.create_string_buffer(_ROOM)
    size = _library().strftime_l(buffer, _ROOM, form.encode().replace(b"%z", zone), ctypes.byref(tm), handle)
    encoding = locale.partition(".")[2].partition("@")[0] or "iso-8859-1"
    return buffer.raw[:size].decode(encoding, "replace")
