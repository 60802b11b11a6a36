"""SIPp scenarios with conditions on what comes, for both sides of a dialog; :class:`Scenario` is the base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from xml.sax.saxutils import quoteattr

from tests.interop.support.scenario import Scenario, sdp

Conditions = Mapping[str, str]
"""Header names and regular expressions (POSIX, extended) that must be found in them; ``body`` is the message's body."""


def typed(body: str, kind: str = "application/sdp") -> str:
    """The end of a message: the headers of its body, and the body."""
    return f"{f'Content-Type: {kind}{chr(10)}' if body else ''}Content-Length: [len]\n\n{body}"


@dataclass(frozen=True, slots=True)
class Moment:
    """``script`` has sent or received ``times`` messages in which ``pattern`` is found, all different ones or with ``copies``."""

    script: Script
    pattern: str
    times: int
    copies: bool


@dataclass
class Script(Scenario):
    """A scenario; ``has`` and ``lacks`` are checked by SIPp, which ends the call as failed where they do not hold."""

    port: int = 0
    number: str = "service"
    transport: str = "udp"
    begins: tuple[Script, str] | None = None
    """Its SIPp is started once the other script's has seen a message in which the expression is found."""
    moments: list[Moment] = field(default_factory=list)
    """What it waits for on its way, in order."""
    _checks: int = 0
    _remembers: bool = False

    def xml(self) -> str:
        """See Scenario; SIPp wants every variable to be used."""
        names = [f"check{number}" for number in range(1, self._checks + 1)]
        names += ["caller_from", "caller_to", "caller_via", "caller_cseq"] if self._remembers else []
        reference = f'<Reference variables="{",".join(names)}"/>\n' if names else ""
        return super().xml().replace("</scenario>", reference + "</scenario>")

    # -- what comes --------------------------------------------------------------------------------------------------

    def _receive(self, attributes: str, has: Conditions, lacks: tuple[str, ...], actions: str = "") -> Self:
        checks = [(name, pattern, "check_it") for name, pattern in has.items()]
        checks += [(name, ".+", "check_it_inverse") for name in lacks]
        for name, pattern, kind in checks:
            self._checks += 1
            place = 'search_in="body"' if name == "body" else f'search_in="hdr" case_indep="true" header={quoteattr(name + ":")}'
            actions += f'<ereg regexp={quoteattr(pattern)} {place} {kind}="true" assign_to="check{self._checks}"/>'
        self.steps.append(f"<recv {attributes}><action>{actions}</action></recv>" if actions else f"<recv {attributes}/>")
        return self

    def expect(
        self,
        status: int,
        *,
        optional: bool = False,
        auth: bool = False,
        routes: bool = False,
        has: Conditions | None = None,
        lacks: tuple[str, ...] = (),
    ) -> Self:
        """Wait for a response with the headers ``has`` and without those of ``lacks``."""
        flags = ' optional="true"' * optional + ' auth="true"' * auth + ' rrs="true"' * routes
        return self._receive(f'response="{status}"{flags}', has or {}, lacks)

    def expect_request(
        self,
        method: str,
        *,
        optional: bool = False,
        routes: bool = False,
        has: Conditions | None = None,
        lacks: tuple[str, ...] = (),
    ) -> Self:
        """Wait for a request; an INVITE's From and To are kept for requests of the called side."""
        flags = ' optional="true"' * optional + ' rrs="true"' * routes
        actions = ""
        if method == "INVITE" and not self._remembers:
            self._remembers = True
            actions = "".join(
                f'<ereg regexp=".+" search_in="hdr" header="{name}:" assign_to="caller_{name.lower()}"/>'
                for name in ("From", "To", "Via", "CSeq")
            )
        return self._receive(f'request="{method}"{flags}', has or {}, lacks, actions)

    # -- the order among parties -------------------------------------------------------------------------------------

    def after(self, other: Script, pattern: str) -> Self:
        """Begin once ``other`` has sent or received a message in which ``pattern`` is found."""
        self.begins = (other, pattern)
        return self

    def until(self, other: Script, pattern: str, times: int = 1, *, copies: bool = False) -> Self:
        """Let the call stand until ``other`` has sent or received so many such messages."""
        assert self.transport == "udp", "SIPp takes requests from others by UDP only"
        self.moments.append(Moment(other, pattern, times, copies))
        return self.held()

    def until_repeated(self, beginning: str) -> Self:
        """Let the call stand until what it waits with an answer to has come three times: at 0, T1 and 3 T1.

        For the fourth the other side waits two seconds more, so that what follows is in time.
        """
        return self.until(self, f"^{beginning} ", 3, copies=True)

    # -- what comes, again -------------------------------------------------------------------------------------------

    def silence(self, milliseconds: int = 300) -> Self:
        """Nothing may come for a while: SIPp takes any message as unexpected."""
        return self.pause(milliseconds)

    # -- the calling side --------------------------------------------------------------------------------------------

    def ask(
        self,
        method: str,
        *,
        uri: str = "sip:[service]@[remote_ip]:[remote_port]",
        via: str = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport",
        from_: str = "",
        to: str = "<sip:[service]@[remote_ip]:[remote_port]>",
        contact: str = "<sip:[user]@[local_ip]:[local_port];transport=[transport]>",
        forwards: str = "Max-Forwards: 70\n",
        cseq: int = 0,
        extra: str = "",
        body: str = "",
        kind: str = "application/sdp",
        repeated: bool = True,
    ) -> Self:
        """A request outside of a dialog, of which every part may be another than usual."""
        self._cseq = cseq or self._cseq + (method not in ("ACK", "CANCEL"))
        if method == "INVITE":
            self._invite_step = len(self.steps)
        from_ = from_ or "<sip:[user]@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]"
        contact_line = f"Contact: {contact}\n" if contact else ""
        return self.send(
            f"{method} {uri} SIP/2.0\n{via}\n{forwards}From: {from_}\nTo: {to}\nCall-ID: [call_id]\n"
            f"CSeq: {self._cseq} {method}\n{contact_line}{extra}" + typed(body, kind),
            retransmitted=repeated and method != "ACK",
        )

    def within(self, method: str, *, extra: str = "", body: str = "", kind: str = "application/sdp", cseq: int = 0) -> Self:
        """A request of the calling side inside its dialog."""
        self._cseq = cseq or self._cseq + (method not in ("ACK", "CANCEL"))
        if method == "INVITE":
            self._invite_step = len(self.steps)
        return self.send(
            f"{method} [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport\n[routes]\n"
            "Max-Forwards: 70\nFrom: \"SIPp\" <sip:[user]@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]\n"
            f"To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]\nCall-ID: [call_id]\nCSeq: {self._cseq} {method}\n"
            f"Contact: <sip:[user]@[local_ip]:[local_port];transport=[transport]>\n{extra}" + typed(body, kind),
            retransmitted=method != "ACK",
        )  # fmt: skip

    def reinvite(
        self, direction: str = "sendrecv", *, codecs: tuple[str, ...] = ("ulaw",), extra: str = "", version: int = 2
    ) -> Self:
        """An INVITE of the calling side inside its dialog, with an offer."""
        offer = sdp("[media_port]", codecs, direction).replace("[pid] 1 IN", f"[pid] {version} IN", 1)
        return self.within("INVITE", body=offer, extra=extra)

    def acknowledged(self) -> Self:
        """ACK inside the dialog, of the last INVITE."""
        return self.within("ACK", cseq=self._cseq)

    # -- both sides, after they answered -------------------------------------------------------------------------------

    def answer_request(self, status: int = 200, reason: str = "OK", *, extra: str = "", body: str = "") -> Self:
        """Answer a request inside the dialog."""
        contact = "Contact: <sip:[user]@[local_ip]:[local_port];transport=[transport]>\n" if body else ""
        return self.send(
            f"SIP/2.0 {status} {reason}\n[last_Via:]\n[last_Record-Route:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n"
            f"[last_CSeq:]\n{contact}{extra}" + typed(body)
        )

    # -- the called side -----------------------------------------------------------------------------------------------

    def called_request(
        self, method: str, cseq: int = 1, *, extra: str = "", body: str = "", kind: str = "application/sdp", rack: str = ""
    ) -> Self:
        """A request of the called side inside the dialog."""
        assert self._remembers, "the INVITE comes first"
        return self.send(
            f"{method} [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport\n[routes]\n"
            f"Max-Forwards: 70\nFrom:[$caller_to];tag=[pid]SIPpTag[call_number]\nTo:[$caller_from]\nCall-ID: [call_id]\n"
            f"CSeq: {cseq} {method}\nContact: <sip:[local_ip]:[local_port];transport=[transport]>\n{extra}" + typed(body, kind),
            retransmitted=method != "ACK",
        )

    def invite_reply(self, status: int, reason: str, *, body: str = "", extra: str = "", tag: str = "SIPpTag") -> Self:
        """Answer the INVITE whatever came since; another ``tag`` is another fork (RFC 3261 12.1.2)."""
        assert self._remembers, "the INVITE comes first"
        return self.send(
            f"SIP/2.0 {status} {reason}\nVia:[$caller_via]\nFrom:[$caller_from]\nTo:[$caller_to];tag=[pid]{tag}[call_number]\n"
            f"Call-ID: [call_id]\nCSeq:[$caller_cseq]\n"
            f"Contact: <sip:{tag}@[local_ip]:[local_port];transport=[transport]>\n{extra}" + typed(body),
            retransmitted=status >= 200,
        )

    def called_bye(self, cseq: int = 1) -> Self:
        """The called side hangs up."""
        return self.called_request("BYE", cseq).expect(200)
