"""T.38: fax over UDPTL, its packets and its SDP (ITU-T T.38 Annex D)."""

from globstar.proto.t38.description import Correction, FaxDescription
from globstar.proto.t38.udptl import UdptlPacket, UdptlParseError, parse_udptl

__all__ = ["Correction", "FaxDescription", "UdptlPacket", "UdptlParseError", "parse_udptl"]
