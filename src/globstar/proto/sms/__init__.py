"""Short messages: the alphabet and the units of GSM 03.38 and 03.40, and the frames of the fixed network (ETSI ES 201 912)."""

from globstar.proto.sms.frames import FrameKind, FrameReader, SmsFrame, encode_frame
from globstar.proto.sms.tpdu import Deliver, SmsFault, Submit, parse_deliver, parse_submit

__all__ = [
    "Deliver", "FrameKind", "FrameReader", "SmsFault", "SmsFrame", "Submit", "encode_frame", "parse_deliver", "parse_submit",
]  # fmt: skip
