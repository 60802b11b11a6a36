"""Hooks on the frames of a channel: what listens to its voice, changes it, or keeps signals from passing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar.core.frame import Frame

if TYPE_CHECKING:
    from globstar.core.bridge import BridgeMember

FrameHook = Callable[[Frame], "Frame | None"]
#: ``hook(frame, is_read)``: a frame from the endpoint (True) or to it
SignalHook = Callable[[Frame, bool], "Frame | None"]


class ChannelHooks:
    """What of a channel keeps and runs hooks; a part of :class:`~globstar.core.channelmedia.ChannelMedia`."""

    __slots__ = ("_last_hooks", "read_hooks", "signal_hooks", "write_hooks")

    name: str
    bridge_member: BridgeMember | None

    def __init__(self) -> None:
        self.read_hooks: list[FrameHook] = []
        self.write_hooks: list[FrameHook] = []
        #: how many at the end of ``write_hooks`` stay there
        self._last_hooks = 0
        self.signal_hooks: list[SignalHook] = []

    def add_read_hook(self, hook: FrameHook, *, first: bool = False) -> None:
        """Let ``hook`` see, change or swallow (None) every voice frame from the endpoint, before translation.

        One that comes ``first`` sees them before all others.
        """
        self.read_hooks.insert(0 if first else len(self.read_hooks), hook)
        self._hooks_changed("a hook on its audio was added", -1)

    def add_write_hook(self, hook: FrameHook, *, last: bool = False) -> None:
        """Let ``hook`` see, change or swallow every voice frame to the endpoint, before translation.

        One that is ``last`` sees them after all others, whenever those were added.
        """
        self.write_hooks.insert(len(self.write_hooks) - (0 if last else self._last_hooks), hook)
        self._last_hooks += last
        self._hooks_changed("a hook on its audio was added", -1)

    def remove_hook(self, hook: FrameHook) -> None:
        """Take a hook away; unknown ones are no error."""
        count = 0
        if hook in self.write_hooks:
            self._last_hooks -= self.write_hooks.index(hook) >= len(self.write_hooks) - self._last_hooks
        for hooks in (self.read_hooks, self.write_hooks):
            if hook in hooks:
                hooks.remove(hook)
                count += 1
        self._hooks_changed("a hook on its audio was removed", count)

    def add_signal_hook(self, hook: SignalHook) -> None:
        """Let ``hook`` see, change or swallow (None) every frame other than voice, both from the endpoint and to it.

        Digits of a call whose packets are relayed are seen only while there is a hook on the voice, too.
        """
        self.signal_hooks.append(hook)

    def remove_signal_hook(self, hook: SignalHook) -> None:
        """Take a hook away; unknown ones are no error."""
        if hook in self.signal_hooks:
            self.signal_hooks.remove(hook)

    def _run_signal_hooks(self, frame: Frame, is_read: bool) -> Frame | None:
        for hook in tuple(self.signal_hooks):
            result = hook(frame, is_read)
            if result is None:
                return None
            frame = result
        return frame

    def is_swallowed(self, frame: Frame) -> bool:
        """Whether a hook keeps ``frame`` from the endpoint."""
        return bool(self.signal_hooks) and self._run_signal_hooks(frame, False) is None

    def _hooks_changed(self, reason: str, count: int) -> None:
        """There are ``count`` hooks less than before, or more where it is below 0."""
        if self.bridge_member is None:
            return
        now = len(self.read_hooks) + len(self.write_hooks)
        bridge = self.bridge_member.bridge
        if count and not (now and now + count):
            bridge.hooks_changed(f"{self.name}: {reason}")
        else:
            bridge.reconsider(f"{self.name}: {reason}")

    def _run_hooks(self, hooks: list[FrameHook], frame: Frame) -> Frame | None:
        for hook in tuple(hooks):
            result = hook(frame)
            if result is None:
                return None
            frame = result
        return frame
