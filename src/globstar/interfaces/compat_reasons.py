"""Why something of Asterisk's is not here (`globstar compat report --missing`): hardware, outside services, or still to come."""

from __future__ import annotations

_DAHDI = "needs DAHDI hardware"
_MEETME = "needs DAHDI's timing device; ConfBridge does its work"
_ADSI = "needs an ADSI telephone"
_XMPP = "XMPP is not spoken"
_BLUETOOTH = "needs a Bluetooth phone"
_SMDI = "needs an exchange on a serial line (SMDI)"
_EXAMPLE = "an example of Asterisk's source"
_QUEUE = "call queues are still to come"
_CONFERENCE = "ConfBridge is still to come"
_FAX = "fax applications are still to come"
_VOICEMAIL = "this part of voicemail is still to come"
_NOTIFIED = "voicemail that is sent by mail is still to come"
_STASIS = "ARI is still to come"
_DUNDI = "DUNDi is still to come"
_STREAMS = "audio over streams (AudioSocket, WebSocket) is still to come"

#: By the whole name, whatever its kind.
_BY_NAME = {
    **dict.fromkeys(
        ("ANI2", "ANIBUF", "ANISTART", "CALLEDSUBADDR", "CALLEDTON", "CALLINGSUBADDR", "CALL_QUALIFIER", "MFCR2_CATEGORY",
         "POLARITY", "TRANSFERCAPABILITY", "USERUSERINFO"), _DAHDI,
    ),
    **dict.fromkeys(("CONF_LIMIT_TIMEOUT_FILE", "CONF_LIMIT_WARNING_FILE"), _MEETME),
    **dict.fromkeys(("SMSSRC", "SMSTXT"), _BLUETOOTH),
    **dict.fromkeys(
        ("ABANDONED", "AddQueueMember", "AQMSTATUS", "PauseQueueMember", "PQMSTATUS", "RemoveQueueMember", "RQMSTATUS",
         "UnpauseQueueMember", "UPQMSTATUS"), _QUEUE,
    ),
    **dict.fromkeys(("LOCALSTATIONID", "ReceiveFAX", "REMOTESTATIONID", "SendFAX"), _FAX),
    **dict.fromkeys(
        ("AUTH_CONTEXT", "AUTH_MAILBOX", "VMAuthenticate", "VMSayName", "VoiceMailPlayMsg", "VOICEMAIL_PLAYBACKSTATUS"),
        _VOICEMAIL,
    ),
    "DIFF_DAY": _NOTIFIED,
}  # fmt: skip
#: Options that applications which are here do not have (docs/differences.md).
LEFT_OUT = {"Directory d": _ADSI, "SMS t": "only protocol 1 of ES 201 912 is spoken"}
#: By the beginning of the name.
_BY_BEGINNING = {
    "DAHDI": _DAHDI, "ISDN": _DAHDI, "PRI": _DAHDI, "SS7": _DAHDI, "MeetMe": _MEETME, "MEETME": _MEETME,
    "Jabber": _XMPP, "JABBER": _XMPP, "Mobile": _BLUETOOTH, "ADSIProg": _ADSI, "GetCPEID": _ADSI, "SMDI": _SMDI,
    "JACK": "needs a JACK sound server", "Skel": _EXAMPLE, "IVRDemo": _EXAMPLE, "IAX": "IAX2 is not spoken yet",
    "CALLER_H323": "H.323 is not spoken", "Queue": _QUEUE, "QUEUE": _QUEUE, "Conf": _CONFERENCE, "CONF": _CONFERENCE,
    "FAX": _FAX, "VM_": _NOTIFIED, "ORIG_VM_": _NOTIFIED, "Stasis": _STASIS, "STASIS": _STASIS, "DUNDI": _DUNDI,
    "AudioSocket": _STREAMS, "AUDIOSOCKET": _STREAMS, "MEDIA_WEBSOCKET": _STREAMS,
    "UNICASTRTP": "RTP without signalling (UnicastRTP) is still to come",
}  # fmt: skip


def reason_for(name: str) -> str:
    """Why ``name`` (of an application, an application with an option, a function, a variable) is not here."""
    known = LEFT_OUT.get(name) or _BY_NAME.get(name.partition(" ")[0])
    return known or next((reason for start, reason in _BY_BEGINNING.items() if name.startswith(start)), "not in this version")
