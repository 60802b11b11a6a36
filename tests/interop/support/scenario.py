"""SIPp scenarios as a short script: what is sent, what is expected, in order.

Text in square brackets is SIPp's (`sipp.readthedocs.io`, keywords); ``{...}`` is filled in here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Self
from xml.sax.saxutils import quoteattr

PAYLOADS = {"ulaw": "0 PCMU/8000", "alaw": "8 PCMA/8000", "gsm": "3 GSM/8000", "g722": "9 G722/8000", "ilbc": "97 iLBC/8000"}


def sdp(rtp_port: int | str, codecs: tuple[str, ...] = ("ulaw",), direction: str = "sendrecv", digits: bool = True) -> str:
    """An offer or answer of one audio stream (RFC 4566)."""
    formats = [PAYLOADS[codec] for codec in codecs] + (["101 telephone-event/8000"] if digits else [])
    lines = [
        "v=0",
        "o=sipp [pid] 1 IN IP[local_ip_type] [local_ip]",
        "s=-",
        "c=IN IP[local_ip_type] [local_ip]",
        "t=0 0",
        f"m=audio {rtp_port} RTP/AVP {' '.join(line.split()[0] for line in formats)}",
        *(f"a=rtpmap:{line}" for line in formats),
        *(["a=fmtp:101 0-16"] if digits else []),
        "a=ptime:20",
        f"a={direction}",
    ]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Mark:
    """By which message in SIPp's trace it is seen that it has come to a step."""

    beginning: str
    is_sent: bool
    times: int
    """It is the how manieth that begins like this."""


def _body(text: str) -> str:
    kind = "Content-Type: application/sdp\n" if text else ""
    return f"{kind}Content-Length: [len]\n\n{text}"


@dataclass
class Scenario:
    """One SIPp scenario; each method adds a step and returns the scenario."""

    name: str
    steps: list[str] = field(default_factory=list)
    user: str = "caller"
    """What SIPp puts for ``[user]``; it may be set until SIPp is started."""
    # On a busy machine a response may take 500 ms. SIPp then takes every repeated response for a reason to repeat its request,
    # which the server answers again: an endless exchange.
    repeat_ms: int = 3000
    """After so long SIPp repeats a request that is not answered."""
    holds: list[Mark] = field(default_factory=list)
    """Where the call stands until the test says more, in order."""
    _cseq: int = 0
    _invite_step: int = 0

    def xml(self) -> str:
        """The scenario file."""
        body = "\n".join(self.steps)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name={quoteattr(self.name)}>\n{body}\n</scenario>\n'

    def send(self, text: str, retransmitted: bool = False, start_timer: int = 0) -> Self:
        """Send a message; with ``retransmitted`` SIPp repeats it as RFC 3261 says until an answer comes."""
        attributes = f' retrans="{self.repeat_ms}"' if retransmitted else ""
        attributes += f' start_rtd="{start_timer}"' if start_timer else ""
        self.steps.append(f"<send{attributes}><![CDATA[\n\n{text.strip(chr(10))}\n\n]]></send>")
        return self

    def expect(self, status: int, *, optional: bool = False, auth: bool = False, routes: bool = False) -> Self:
        """Wait for a response."""
        flags = ' optional="true"' if optional else ""
        flags += ' auth="true"' if auth else ""
        flags += ' rrs="true"' if routes else ""
        self.steps.append(f'<recv response="{status}"{flags}/>')
        return self

    def expect_request(self, method: str, *, optional: bool = False, routes: bool = False) -> Self:
        """Wait for a request."""
        flags = ' optional="true"' if optional else ""
        flags += ' rrs="true"' if routes else ""
        self.steps.append(f'<recv request="{method}"{flags}/>')
        return self

    def pause(self, milliseconds: int) -> Self:
        """Let the call stand; a message that comes meanwhile is taken by the next step."""
        self.steps.append(f'<pause milliseconds="{milliseconds}"/>')
        return self

    def held(self) -> Self:
        """Let the call stand until the test says :meth:`Sipp.go_on`; for SIPp over UDP, which takes requests from anybody."""
        self.holds.append(self._mark())
        return self.expect_request("GO")

    def _mark(self) -> Mark:
        """The last step that waits for something or sends it."""
        found: list[tuple[str, bool]] = []
        for step in self.steps:
            if sent := re.match(r"<send[^>]*><!\[CDATA\[\s*(SIP/2\.0 \d+|\S+)", step):
                found.append((sent[1], True))
            elif (
                (got := re.match(r'<recv (request|response)="([^"]+)"', step))
                and 'optional="true"' not in step
                and got[2] != "GO"
            ):
                found.append((f"SIP/2.0 {got[2]}" if got[1] == "response" else got[2], False))
        return Mark(*found[-1], found.count(found[-1])) if found else Mark("", True, 0)

    # --- the calling side

    def request(self, method: str, *, body: str = "", extra: str = "", in_dialog: bool = False, cseq: int = 0) -> Self:
        """Send a request of the calling side, new or inside its dialog."""
        self._cseq = cseq or self._cseq + (method not in ("ACK", "CANCEL"))
        uri = "[next_url]" if in_dialog else "sip:[service]@[remote_ip]:[remote_port]"
        to = "[peer_tag_param]" if in_dialog else ""
        route = "[routes]\n" if in_dialog else ""
        if method == "INVITE":
            self._invite_step = len(self.steps)
        return self.send(
            f"{method} {uri} SIP/2.0\n"
            f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport\n"
            f"{route}"
            f"Max-Forwards: 70\n"
            f'From: "SIPp" <sip:[user]@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]\n'
            f"To: <sip:[service]@[remote_ip]:[remote_port]>{to}\n"
            f"Call-ID: [call_id]\n"
            f"CSeq: {self._cseq} {method}\n"
            f"Contact: <sip:[user]@[local_ip]:[local_port];transport=[transport]>\n"
            f"{extra}" + _body(body),
            retransmitted=method != "ACK",
        )

    def invite(self, rtp_port: int | str, codecs: tuple[str, ...] = ("ulaw",), *, extra: str = "", auth: bool = False) -> Self:
        """INVITE; with ``auth`` the 401 is expected, acknowledged and answered (user and password: -au, -ap)."""
        offer = sdp(rtp_port, codecs)
        self.request("INVITE", body=offer, extra=extra)
        if auth:
            self.expect(100, optional=True).expect(401, auth=True)
            self.failure_ack()
            self.request("INVITE", body=offer, extra=extra + "[authentication]\n")
        return self

    def _with_invite(self, method: str, to: str) -> str:
        """A request of the INVITE's own transaction: its branch (SIPp counts back in steps) and its CSeq number."""
        return (
            f"{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n"
            f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-{len(self.steps) - self._invite_step}];rport\n"
            "Max-Forwards: 70\n"
            f'From: "SIPp" <sip:[user]@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]\n'
            f"{to}\n"
            "Call-ID: [call_id]\n"
            f"CSeq: {self._cseq} {method}\n"
            "Content-Length: 0\n"
        )

    def register(self, expires: int = 3600, extra: str = "") -> Self:
        """REGISTER of ``user`` at the server (RFC 3261 10.2)."""
        self._cseq += 1
        return self.send(
            "REGISTER sip:[remote_ip]:[remote_port] SIP/2.0\n"
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport\n"
            "Max-Forwards: 70\n"
            f"From: <sip:[user]@[remote_ip]:[remote_port]>;tag=[pid]SIPp[call_number]\n"
            f"To: <sip:[user]@[remote_ip]:[remote_port]>\n"
            "Call-ID: [call_id]\n"
            f"CSeq: {self._cseq} REGISTER\n"
            f"Contact: <sip:[user]@[local_ip]:[local_port];transport=[transport]>\n"
            f"Expires: {expires}\n{extra}"
            "Content-Length: 0\n",
            retransmitted=True,
        )

    def failure_ack(self) -> Self:
        """ACK of a final response that is not 2xx (RFC 3261 17.1.1.3)."""
        return self.send(self._with_invite("ACK", "[last_To:]"))

    def cancel(self) -> Self:
        """Give up as the caller (RFC 3261 9.1)."""
        self.send(self._with_invite("CANCEL", "To: <sip:[service]@[remote_ip]:[remote_port]>"), retransmitted=True)
        return self.expect(200).expect(487).failure_ack()

    def answered(self) -> Self:
        """100, 180, 183 in any number, then 200, and ACK."""
        self.expect(100, optional=True).expect(180, optional=True).expect(183, optional=True)
        self.expect(200, routes=True)
        return self.request("ACK", in_dialog=True)

    def refused(self, status: int, *, provisional: bool = True) -> Self:
        """A final refusal, acknowledged."""
        self.expect(100, optional=True)
        if provisional:
            self.expect(180, optional=True).expect(183, optional=True)
        return self.expect(status).failure_ack()

    def bye(self) -> Self:
        """Hang up as the caller."""
        return self.request("BYE", in_dialog=True).expect(200)

    def hung_up(self) -> Self:
        """The other side hangs up."""
        return self.expect_request("BYE").reply(200, "OK")

    # --- the called side

    def reply(self, status: int, reason: str, *, body: str = "", tag: bool = False, extra: str = "") -> Self:
        """Answer the last request; with ``tag`` a To tag is added and a Contact, as for an INVITE."""
        to = "[last_To:];tag=[pid]SIPpTag[call_number]\n" if tag else "[last_To:]\n"
        contact = "Contact: <sip:[local_ip]:[local_port];transport=[transport]>\n" if tag else ""
        return self.send(
            f"SIP/2.0 {status} {reason}\n[last_Via:]\n[last_Record-Route:]\n[last_From:]\n{to}[last_Call-ID:]\n"
            f"[last_CSeq:]\n{contact}{extra}" + _body(body),
            retransmitted=tag and status >= 200,
        )

    def ringing(self) -> Self:
        """An INVITE comes; 180."""
        return self.expect_request("INVITE", routes=True).reply(180, "Ringing", tag=True)

    def answer(self, rtp_port: int | str, codecs: tuple[str, ...] = ("ulaw",)) -> Self:
        """200 with SDP, and the ACK; an INVITE may be repeated while they cross, which SIPp does not see by itself."""
        self.reply(200, "OK", body=sdp(rtp_port, codecs), tag=True)
        return self.expect_request("INVITE", optional=True).expect_request("ACK")

    def cancelled(self) -> Self:
        """The caller gives up: 200 for its CANCEL, 487 for its INVITE, and the ACK (RFC 3261 9.2)."""
        self.expect_request("CANCEL").reply(200, "OK")
        self.send(
            "SIP/2.0 487 Request Terminated\n[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]SIPpTag[call_number]\n"
            "[last_Call-ID:]\nCSeq: [last_cseq_number] INVITE\nContent-Length: 0\n",
            retransmitted=True,
        )
        return self.expect_request("ACK")
