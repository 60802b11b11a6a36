"""Keys of SRTP on libsrtp: called natively where native code was built, else through pylibsrtp.

It is loaded with the first key, as it takes some megabytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import pylibsrtp
from pylibsrtp import Error, Policy
from pylibsrtp import Session as LibSession

from globstar.base.native import require_current, require_native
from globstar.media.native import is_available
from globstar.media.sockets import MAX_DATAGRAM
from globstar.proto.sdp.crypto import AES_32, AES_80, GCM_128, GCM_256, Suite

if TYPE_CHECKING:
    from globstar.media._native import Cipher

try:
    require_native()
    from globstar.media import _native

    require_current(_native)

    CipherFault = _native.CipherFault
except ImportError:
    _native = None  # type: ignore[assignment]
    CipherFault = Error  # type: ignore[assignment, misc]

Transform = Callable[[bytes], bytes]

#: What a transform raises for a packet that cannot be protected, is not authentic, or is too long.
FAULTS: tuple[type[Exception], ...] = (Error, CipherFault, ValueError)

#: The binding of libsrtp itself, which pylibsrtp keeps beside its classes.
_ffi, _lib = pylibsrtp.ffi, pylibsrtp.lib  # type: ignore[attr-defined]

_PROFILES = {
    AES_80: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    AES_32: Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    GCM_128: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    GCM_256: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
#: By kind of session the functions for RTP and RTCP.
_FUNCTIONS = {
    Policy.SSRC_ANY_OUTBOUND: ("srtp_protect", "srtp_protect_rtcp"),
    Policy.SSRC_ANY_INBOUND: ("srtp_unprotect", "srtp_unprotect_rtcp"),
}
#: Packets that may come late and still be told from replayed ones (RFC 3711 section 3.3.2 asks for 64 at least).
_WINDOW = 1024
#: Bytes that encryption may add, as the library reckons.
_TRAILER = 4 + 16 + 128


class Direction(NamedTuple):
    """One direction of keys: what it does to packets of RTP and RTCP (raising FAULTS), and the same for the native relay."""

    rtp: Transform
    rtcp: Transform
    native: Cipher | None


def sealing(suite: Suite, key: bytes) -> Direction:
    """Encrypts under a master key and salt."""
    return _direction(suite, key, Policy.SSRC_ANY_OUTBOUND)


def opening(suite: Suite, key: bytes, mki: int) -> Direction:
    """Decrypts; native code takes key identifiers of ``mki`` bytes out of the packets by itself."""
    return _direction(suite, key, Policy.SSRC_ANY_INBOUND, mki, 0 if suite in (GCM_128, GCM_256) else suite.tag)


def _direction(suite: Suite, key: bytes, kind: int, mki: int = 0, tag: int = 0) -> Direction:
    policy = Policy(key=key, ssrc_type=kind, srtp_profile=_PROFILES[suite])
    policy.window_size = _WINDOW
    # pictures that were lost are sent once more, the same packet under the same number
    policy.allow_repeat_tx = kind == Policy.SSRC_ANY_OUTBOUND
    session = LibSession(policy)
    if is_available():
        cipher = _cipher(session, kind, mki, tag)
        return Direction(cipher.rtp, cipher.rtcp, cipher)
    # Its own buffer holds packets of 1,356 bytes, which pictures exceed.
    session._cdata = _ffi.new("char[]", MAX_DATAGRAM + _TRAILER)
    session._buffer = _ffi.buffer(session._cdata)
    if kind == Policy.SSRC_ANY_OUTBOUND:
        return Direction(session.protect, session.protect_rtcp, None)
    return Direction(session.unprotect, session.unprotect_rtcp, None)


def _cipher(session: LibSession, kind: int, mki: int, tag: int) -> Cipher:
    """The session for native code, which calls libsrtp from the threads of the relay, too.

    The addresses of session and functions are pylibsrtp's, so that there is one libsrtp, and one state, for both ways.
    """
    rtp, rtcp = (int(_ffi.cast("uintptr_t", _ffi.addressof(_lib, name))) for name in _FUNCTIONS[kind])
    return _native.Cipher(session, int(_ffi.cast("uintptr_t", session._srtp[0])), rtp, rtcp, mki, tag)
