"""Multi-party mixing bridge: each hears the sum of all the others, on a steady tick."""

from __future__ import annotations

from globstar.core.bridge import Bridge, BridgeMember
from globstar.core.bridgetech import BridgeCapability, BridgeTechnology, BridgeTechnologySpec
from globstar.core.frame import Control
from globstar.core.system import System
from globstar.media.ticker import Ticker
from globstar.modules.bridges.softmix.participant import Participant
from globstar.modules.bridges.softmix.room import Room

#: Name of the service under which the tickers of intervals other than the system's are kept.
_TICKERS = "mixing tickers by interval"
#: Steps that are mixed at once when the mix ends, at the most, so that nothing said is lost.
_MOST_LEFT_OVER = 10


class SoftmixBridge(BridgeTechnology):
    """Mixes any number of members."""

    name = "softmix"
    capability = BridgeCapability.MULTIMIX
    preference = 10
    mixes = True

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._participants: dict[BridgeMember, Participant] = {}
        self._room = Room(bridge.mix.interval_ms, bridge.system.loop.time)
        self._ticker: Ticker | None = None

    def start(self) -> None:
        """Bind all members who take part and begin to tick."""
        interval = self.bridge.mix.interval_ms
        if self._room.interval_ms != interval:
            self._pause()
            self._room.dismiss()
            self._room = Room(interval, self.bridge.system.loop.time)
        self._arrange()
        if self._ticker is None:
            self._ticker = _ticker(self.bridge.system, interval)
            self._ticker.add(self._room.step)
        for member in self.bridge.members:
            _let_talk(member)

    def stop(self) -> None:
        """Let all hear what was said until now, and end."""
        self._room.dismiss()
        for _ in range(_MOST_LEFT_OVER):
            if not any(participant.has_block for participant in self._room.participants):
                break
            self._room.step(only_heard=True)
        self._pause()
        self._room.arrange([])
        members = self.bridge.members
        for member in members:
            member.drop_voice()
        if len(members) == 2:
            for member, peer in (members, members[::-1]):
                if member.channel.hold_state and not peer.channel.is_hung_up:
                    peer.channel.indicate(Control.HOLD)

    def media_changed(self) -> None:
        """Formats may be others now."""
        self._arrange()

    def mix_changed(self) -> None:
        """Who is muted, how loud, how often is mixed."""
        self.start()

    def member_joined(self, member: BridgeMember) -> None:
        """One more; the first one is where it begins."""
        mix = self.bridge.mix
        if self._ticker is None or member.is_apart or mix.interval_ms != self._room.interval_ms:
            self.start()
            return
        participant = self._participants[member] = Participant(member)
        if participant.bind(mix.highest_rate, mix.interval_ms):
            self._room.add(participant)
        _let_talk(member)

    def member_left(self, member: BridgeMember) -> None:
        """One less."""
        participant = self._participants.pop(member, None)
        if participant is not None:
            participant.leave()
            self._room.remove(participant)
        if not self.bridge.members:
            self._pause()

    def detail(self) -> str:
        """The rates and the interval."""
        rates = ", ".join(str(rate) for rate in self._room.rates) or "no rate yet"
        natives = f", {self._room.natives} of them natively" if self._room.natives else ""
        return f"mixes {len(self._room.participants)} members every {self._room.interval_ms} ms at {rates}{natives}"

    def _pause(self) -> None:
        if self._ticker is not None:
            self._ticker.remove(self._room.step)
            self._ticker = None

    def _arrange(self) -> None:
        """Who takes part now; those who stay keep what waits of them."""
        kept = self._participants
        mix = self.bridge.mix
        self._participants = {
            member: kept.get(member) or Participant(member) for member in self.bridge.members if not member.is_apart
        }
        for member, participant in kept.items():
            if member not in self._participants:
                participant.leave()
        self._room.arrange([one for one in self._participants.values() if one.bind(mix.highest_rate, mix.interval_ms)])


def _let_talk(member: BridgeMember) -> None:
    """The others go on talking when one holds."""
    if member.channel.is_held and not member.is_apart:
        member.channel.indicate(Control.UNHOLD)


def _ticker(system: System, interval_ms: int) -> Ticker:
    """The tick that all bridges of one interval share."""
    if interval_ms == system.ticker.interval * 1000:
        return system.ticker
    tickers: dict[int, Ticker] = system.services.setdefault(_TICKERS, {})
    ticker = tickers.get(interval_ms)
    if ticker is None:
        ticker = tickers[interval_ms] = Ticker(system.loop, interval_ms)
    return ticker


technology = BridgeTechnologySpec(name=SoftmixBridge.name, technology=SoftmixBridge)
