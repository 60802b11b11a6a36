"""bundle=yes: the streams of a call over one transport (RFC 9143)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Protocol

from globstar.base.log import Logger
from globstar.modules.channels.pjsip import media_options
from globstar.modules.channels.pjsip.peer_hosts import aim
from globstar.modules.channels.pjsip.wires import Wires
from globstar.proto.sdp import LocalMedia, LocalSource, NegotiatedStream, SessionDescription, bundles

if TYPE_CHECKING:
    from globstar.media.bundle import Bundle
    from globstar.media.engine import RtpEngine
    from globstar.media.session import RtpSession
    from globstar.media.settings import SessionOptions
    from globstar.modules.channels.pjsip.endpoint import EndpointObject

logger = Logger("chan_pjsip")


class Line(Protocol):
    """What the audio of a leg and its other streams have in common."""

    session: RtpSession | None
    #: how it is secured and finds its way; those of the carrier while it rides on that
    wires: Wires | None
    #: our side as it was described last
    described: LocalMedia | None


class LegBundle:
    """Which streams of a leg share a transport. Every leg has one; it has something to do only with bundle=yes."""

    __slots__ = ("_cname", "_endpoint", "_engine", "_mids", "_stream", "bundle", "carrier")

    def __init__(self, engine: RtpEngine, endpoint: EndpointObject) -> None:
        self._engine = engine
        self._endpoint = endpoint
        #: the transport, once there is more than one stream on it
        self.bundle: Bundle | None = None
        #: the line whose ports they are
        self.carrier: Line | None = None
        #: what the lines on it are called
        self._mids: dict[Line, str] = {}
        self._cname = self._stream = ""

    def source_of(self, session: RtpSession, name: str) -> LocalSource | None:
        """How a stream of ours introduces itself: one sender and one message stream for all, so that they are played in step."""
        if not self._endpoint.bundle:
            return None
        if not self._cname:
            self._cname, self._stream = session.reports.cname, f"{self._engine.chance.getrandbits(64):016x}"
        session.reports.cname = self._cname
        return LocalSource(session.sender.ssrc, self._cname, self._stream, f"{self._stream}-{name.replace(' ', '-')}")

    def takes_new(self, offer: SessionDescription | None) -> bool:
        """Whether new lines need no ports of their own to answer this offer: all that it has is in our bundle."""
        if self.bundle is None or offer is None:
            return False
        group = self._group_in(offer)
        return bool(group) and all(media.mid in group for media in offer.media if media.port or media.has("bundle-only"))

    def open_riding(self, line: Line, options: SessionOptions) -> RtpSession:
        """A session on the transport of the bundle for a new line; call it only when :meth:`takes_new`."""
        assert self.bundle is not None
        assert self.carrier is not None
        line.wires = self.carrier.wires
        return self._engine.open_riding(self.bundle, options)

    def exchange(self, one: Line, other: Line) -> None:
        """Two lines have exchanged their transports."""
        mids = self._mids
        if self.carrier is one or self.carrier is other:
            self.carrier = other if self.carrier is one else one
        mine, yours = mids.pop(one, None), mids.pop(other, None)
        if yours is not None:
            mids[one] = yours
        if mine is not None:
            mids[other] = mine

    # -- before an answer --------------------------------------------------------------------------------------------

    def prepare(self, lines: Sequence[Line], offer: SessionDescription, bind: str) -> None:
        """An offer is about to be answered: lines that it has moved out of the bundle get ports of their own."""
        bundle, carrier = self.bundle, self.carrier
        if bundle is None or carrier is None:
            return
        group = self._group_in(offer)
        moved = [line for line in lines if self._mids.get(line, "") not in group and self._mids.get(line)]
        present = {media.mid for media in offer.media if media.port or media.has("bundle-only")}
        moved = [line for line in moved if self._mids[line] in present]
        if carrier in moved:  # its ports are its own: all others have to leave
            moved = [line for line in self._mids if line is not carrier]
        for line in moved:
            session = line.session
            if session is None or not session.rides:
                continue
            if self._engine.alight(session, bind, media_options.ports(self._engine, self._endpoint)):
                line.wires = media_options.wires(self._engine, self._endpoint)
                self._mids.pop(line, None)

    def _group_in(self, offer: SessionDescription) -> tuple[str, ...]:
        mine = set(self._mids.values())
        return next((group for group in bundles(offer) if not mine.isdisjoint(group)), ())

    # -- after an answer ---------------------------------------------------------------------------------------------

    def apply(self, lines: Collection[Line], streams: Sequence[NegotiatedStream]) -> None:
        """What was agreed: bring the streams together that share a transport."""
        found: dict[Line, NegotiatedStream] = {}
        for line in lines:
            stream = next((s for s in streams if s.local is not None and s.local is line.described and s.is_active), None)
            if stream is not None and stream.bundling is not None:
                found[line] = stream
        if self.bundle is None:
            if len(found) < 2:
                return
            tags = [line for line, stream in found.items() if stream.bundling and stream.bundling.tag == stream.index]
            tagged = tags[0] if tags else None
            if tagged is None or tagged.session is None:
                return
            self.carrier = tagged
            self.bundle = self._engine.bundle(tagged.session)
        bundle, carrier = self.bundle, self.carrier
        assert carrier is not None
        ours = {number for stream in found.values() for number in _received(stream)}
        for line, stream in found.items():
            session, place = line.session, stream.bundling
            if session is None or place is None:
                continue
            if session.bundle is None:
                if line.wires is not None:
                    line.wires.close()
                line.wires = carrier.wires
                session.ride(bundle)
            self._mids[line] = place.mid
            others = _sent(stream) - ours  # some phones send under the numbers of their answer
            bundle.agree(session, place.mid, place.extension, _received(stream) | others, _sources(stream))
        for line in [line for line in self._mids if line not in found]:
            del self._mids[line]
            if line.session is not None and line.session.bundle is bundle:
                bundle.mute(line.session)

    def close(self) -> None:
        """The call is over."""
        self._mids.clear()
        self.carrier = self.bundle = None

    def carries_others(self, line: Line) -> bool:
        """Whether other streams need the ports of this one."""
        return line is self.carrier and any(other is not line for other in self._mids)


def put_in_force(line: Line, stream: NegotiatedStream) -> None:
    """Let a line's packets go where it was agreed, under the agreed keys; those that ride leave that to their carrier."""
    session, bundling = line.session, stream.bundling
    if session is None or (bundling is not None and bundling.tag != stream.index):
        return
    carrier = session.carrier
    carrier.rtcp_mux = stream.rtcp_mux
    if line.wires is None:
        aim(carrier, stream)
    else:
        line.wires.apply(carrier, stream)


def let_go(line: Line) -> None:
    """Close a line's session, and its keys and ICE if they are its own."""
    session = line.session
    if line.wires is not None and (session is None or not session.rides):
        line.wires.close()
    if session is not None:
        session.close()


def _received(stream: NegotiatedStream) -> set[int]:
    return {codec.receive_payload_type for codec in stream.codecs} | {number for number, _ in stream.receive_dtmf}


def _sent(stream: NegotiatedStream) -> set[int]:
    return {codec.send_payload_type for codec in stream.codecs} | ({stream.send_dtmf[0]} if stream.send_dtmf else set())


def _sources(stream: NegotiatedStream) -> list[int]:
    """The sources that the other side says it has (RFC 5576)."""
    found = []
    for value in stream.remote.all("ssrc")[:8] if stream.remote is not None else ():
        number = value.partition(" ")[0]
        if number.isascii() and number.isdigit() and int(number[:11]) < 1 << 32:
            found.append(int(number))
    return list(dict.fromkeys(found))
