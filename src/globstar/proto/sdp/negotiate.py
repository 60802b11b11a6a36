"""SDP offer and answer (RFC 3264) with the codec choice and the wording of Asterisk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from globstar.base.errors import LocalFault, RemoteFault
from globstar.proto.sdp.stream import LocalMedia, NegotiatedStream, accept, agree, answer_line, offer_line
from globstar.proto.sdp.values import Attribute, Connection, Media, Origin, SessionDescription


class NotAcceptable(RemoteFault):
    """Nothing in the offer or answer can be used: 488 to an offer, the end of the call for an answer."""


class OfferAnswer:
    """The offer/answer state of one SIP session.

    ``session_id`` is used when we describe ourselves first; when the peer's offer comes first, Asterisk takes
    over the offer's session id and starts two versions above it. The version then grows by one whenever what
    we send differs from what we sent before, and only then.
    """

    __slots__ = (
        "_answered",
        "_previous",
        "_version",
        "address",
        "local",
        "offered",
        "owner",
        "remote",
        "session_id",
        "session_name",
        "streams",
    )

    def __init__(self, session_id: int, *, owner: str = "-", session_name: str = "Asterisk", address: str = "") -> None:
        self.session_id = session_id
        self.owner = owner
        self.session_name = session_name
        #: Our own address, for the origin line, where media may go elsewhere; "" for that of the media.
        self.address = address
        #: Our description in force (or on its way, as offer or answer).
        self.local: SessionDescription | None = None
        #: The peer's description in force.
        self.remote: SessionDescription | None = None
        #: The agreement in force, one entry per m-line.
        self.streams: tuple[NegotiatedStream, ...] = ()
        #: The media behind our open offer, by m-line; None when no offer of ours is open.
        self.offered: tuple[LocalMedia | None, ...] | None = None
        self._answered: tuple[LocalMedia | None, ...] | None = None
        self._previous: SessionDescription | None = None
        self._version: int | None = None

    def create_offer(self, media: Sequence[LocalMedia]) -> SessionDescription:
        """Our offer: for a new call, a delayed offer (in a 200) or a re-INVITE.

        A later offer keeps the m-lines in their places; places whose media are gone stay with port 0
        (RFC 3264 section 8), and payload numbers of the peer are kept where the codec stays.
        """
        waiting = list(media)
        lines: list[Media] = []
        places: list[LocalMedia | None] = []
        addresses: list[str] = []
        for index, old in enumerate(self.local.media if self.local else ()):
            mine = _take(waiting, old.kind)
            places.append(mine)
            if mine is None:
                lines.append(old.declined())
                addresses.append("")
                continue
            protocol = old.protocol if old.protocol in mine.protocols else mine.protocols[0]
            known = self.streams[index].codecs if index < len(self.streams) else ()
            known_dtmf = self.streams[index].receive_dtmf if index < len(self.streams) else ()
            lines.append(offer_line(mine, protocol, known, known_dtmf))
            addresses.append(mine.address)
        for mine in waiting:
            places.append(mine)
            lines.append(offer_line(mine, mine.protocols[0], (), ()))
            addresses.append(mine.address)
        fallback = media[0].address if media else ""
        if self._version is None:
            self._version = self.session_id
        offer = self._describe(lines, addresses, fallback, self.session_id, self._version)
        if self.offered is None:
            self._previous = self.local
        self.local = offer
        self.offered = tuple(places)
        return offer

    def receive_offer(self, offer: SessionDescription, media: Sequence[LocalMedia]) -> SessionDescription:
        """Answer an offer; the agreement is then in ``streams``. State does not change when this raises.

        Raises:
            NotAcceptable: no stream can be accepted (488).
        """
        waiting = list(media)
        lines: list[Media] = []
        addresses: list[str] = []
        streams: list[NegotiatedStream] = []
        for index, theirs in enumerate(offer.media):
            mine = _peek(waiting, theirs)
            codecs = accept(mine, theirs) if mine is not None and theirs.port else None
            keys: tuple[Attribute, ...] | None = ()
            if codecs is not None and mine is not None and mine.keying is not None:
                keys = mine.keying.answer(theirs, offer)
            if mine is None or codecs is None or keys is None:
                lines.append(theirs.declined())
                addresses.append("")
                streams.append(NegotiatedStream(index, theirs.kind, None, remote=theirs))
                continue
            waiting.remove(mine)
            stream = agree(index, mine, codecs, offer, theirs, received=None)
            streams.append(stream)
            lines.append(answer_line(mine, theirs, stream, keys))
            addresses.append(mine.address)
        if not any(stream.is_active for stream in streams) and any(theirs.port for theirs in offer.media):
            raise NotAcceptable("no stream of the offer has a codec in common with us")
        if self._version is None:
            self.session_id = _as_number(offer.origin.session_id, self.session_id)
            self._version = offer.origin.version_number + 2
        fallback = media[0].address if media else offer.origin.address
        self.local = self._describe(lines, addresses, fallback, self.session_id, self._version)
        self.remote = offer
        self.streams = tuple(streams)
        self.offered = self._previous = None
        return self.local

    def receive_answer(self, answer: SessionDescription) -> tuple[NegotiatedStream, ...]:
        """Take the answer to our open offer; returns and keeps the agreement.

        Raises:
            NotAcceptable: no offered stream has a common codec.
            LocalFault: no offer is open.
        """
        if self.offered is None or self.local is None:
            raise LocalFault("an answer without an open offer")
        streams: list[NegotiatedStream] = []
        for index, mine in enumerate(self.offered):
            ours = self.local.media[index]
            theirs = answer.media[index] if index < len(answer.media) else None
            codecs = None
            if mine is not None and theirs is not None and theirs.port:
                if mine.keying is None or mine.keying.accepts(theirs, answer):
                    codecs = accept(mine, theirs, is_answer=True)
            if mine is None or theirs is None or codecs is None:
                streams.append(NegotiatedStream(index, ours.kind, None, remote=theirs))
                continue
            streams.append(agree(index, mine, codecs, answer, theirs, received=ours))
        if not any(stream.is_active for stream in streams) and any(self.offered):
            raise NotAcceptable("no stream of the answer has a codec in common with us")
        self.remote = answer
        self.streams = tuple(streams)
        self._answered = self.offered
        self.offered = self._previous = None
        return self.streams

    def reopen(self) -> None:
        """Let our answered offer be answered once more: by another fork of the call."""
        if self.offered is None:
            self.offered, self._previous = self._answered, self.local

    def forget(self) -> None:
        """Our first answer was never sent: begin anew."""
        self.local = self.remote = self.offered = self._previous = self._version = None
        self.streams = ()

    def cancel_offer(self) -> None:
        """Our offer was refused (488, 491, no answer): what was in force before stays in force."""
        if self.offered is not None:
            self.local = self._previous
            self.offered = self._previous = None

    def _describe(
        self, lines: Sequence[Media], addresses: Sequence[str], fallback: str, session_id: int, version: int
    ) -> SessionDescription:
        """Put a description together; it keeps the version of the one in force if it says the same."""
        shared = next((address for address in addresses if address), fallback)
        connection = Connection.of(shared)
        media = tuple(
            replace(line, connections=(Connection.of(address),)) if address and address != shared else line
            for line, address in zip(lines, addresses, strict=True)
        )
        source = Connection.of(self.address) if self.address else connection
        origin = Origin(self.owner, str(session_id), str(version), source.address, source.address_type)
        fresh = SessionDescription(origin, self.session_name, connection, media=media)
        if self.local is None:
            return fresh
        same = replace(fresh, origin=replace(origin, version=self.local.origin.version))
        if same == self.local:
            return same
        self._version = version + 1
        return fresh.with_version(self._version)


def _take(waiting: list[LocalMedia], kind: str) -> LocalMedia | None:
    for index, mine in enumerate(waiting):
        if mine.kind == kind:
            return waiting.pop(index)
    return None


def _peek(waiting: list[LocalMedia], theirs: Media) -> LocalMedia | None:
    """The first of our media that could answer this line: same kind, a transport protocol we take."""
    for mine in waiting:
        if mine.kind == theirs.kind and theirs.protocol in mine.protocols:
            return mine
    return None


def _as_number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() else default
