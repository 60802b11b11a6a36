"""Wait For Silence/Noise."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelState
from globstar.core.ear import listen
from globstar.core.numbers import NumberArguments
from globstar.core.registry import application
from globstar.dialplan.arguments import split_arguments
from globstar.dsp.level import SilenceDetector

logger = Logger("app_waitforsilence")

_DEFAULT_MS = 1000


@application("WaitForSilence", syntax="WaitForSilence([silencerequired[,iterations[,timeout]]])")
async def wait_for_silence(channel: Channel, data: str) -> None:
    """Wait until the caller has been silent for a while.

    ``silencerequired`` is how long, in ms (1000), ``iterations`` how often (1): silence that goes on counts again.
    ``timeout`` ends the waiting after so many seconds. WAITSTATUS is SILENCE or TIMEOUT.
    """
    await _wait(channel, data, "SILENCE")


@application("WaitForNoise", syntax="WaitForNoise([noiserequired[,iterations[,timeout]]])")
async def wait_for_noise(channel: Channel, data: str) -> None:
    """Wait until the caller has been heard for a while.

    ``noiserequired`` is how long without a pause, in ms (1000), ``iterations`` how often (1).
    ``timeout`` ends the waiting after so many seconds. WAITSTATUS is NOISE or TIMEOUT.
    """
    await _wait(channel, data, "NOISE")


async def _wait(channel: Channel, data: str, wanted: str) -> None:
    numbers = NumberArguments(f"WaitFor{wanted.capitalize()}", split_arguments(data), logger.warning)
    required_ms = numbers.integer(0, _DEFAULT_MS)
    iterations = numbers.integer(1, 1, least=1)
    timeout = numbers.seconds(2)
    if channel.state is not ChannelState.UP:
        await channel.answer()
    logger.verbose(3, f"Waiting {iterations} time(s) for {required_ms} ms {wanted.lower()} with {timeout:g} timeout")
    detector = SilenceDetector(channel.system.silence_threshold)
    left = iterations

    def hear(sound: bytes) -> str | None:
        nonlocal left
        detector.receive(sound)
        if (detector.silence_ms if wanted == "SILENCE" else detector.noise_ms) < required_ms:
            return None
        detector.reset()
        left -= 1
        return None if left else wanted

    status: str | None = await listen(channel, hear, seconds=timeout or None)
    channel.set_variable("WAITSTATUS", status or "TIMEOUT")
