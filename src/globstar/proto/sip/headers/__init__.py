"""Typed header values: one small file each, with ``parse`` and ``str``."""

from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.headers.cseq import CSeq
from globstar.proto.sip.headers.digest import Challenge, Credentials
from globstar.proto.sip.headers.identity import Diversion, RemotePartyId
from globstar.proto.sip.headers.parameterized import Parameterized
from globstar.proto.sip.headers.rack import RAck
from globstar.proto.sip.headers.reason import Reason
from globstar.proto.sip.headers.replaces import Replaces
from globstar.proto.sip.headers.session_expires import SessionExpires
from globstar.proto.sip.headers.via import Via

__all__ = [
    "CSeq",
    "Challenge",
    "Credentials",
    "Diversion",
    "NameAddr",
    "Parameterized",
    "RAck",
    "Reason",
    "RemotePartyId",
    "Replaces",
    "SessionExpires",
    "Via",
]
