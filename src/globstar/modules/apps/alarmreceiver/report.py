"""What is kept of a call: files of events, and the command that gets them. All of it waits for the disk or the command."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass, field

from globstar.base.log import Logger
from globstar.base.programs import run_shell
from globstar.modules.apps.alarmreceiver.settings import AlarmOptions

logger = Logger("app_alarmreceiver")

#: How long the command may take, seconds.
COMMAND_LIMIT = 60.0


@dataclass(slots=True)
class AlarmReport:
    """The events of one call, and who called. ``protocol`` is the format of the last event."""

    caller_number: str
    caller_name: str
    timestamp: str
    protocol: str = ""
    events: list[str] = field(default_factory=list)

    def text(self, events: list[str], *, has_metadata: bool = True) -> str:
        """A file of some events."""
        metadata = [
            "",
            "[metadata]",
            "",
            f"PROTOCOL={self.protocol}",
            f"CALLINGFROM={_one_line(self.caller_number)}",
            f"CALLERNAME={_one_line(self.caller_name)}",
            f"TIMESTAMP={self.timestamp}",
            "",
            "[events]",
            "",
        ]
        return "\n".join([*(metadata if has_metadata else []), *events, ""])

    def write(self, options: AlarmOptions, events: list[str], *, has_metadata: bool) -> None:
        """Write a new file of some events into the folder."""
        if not options.eventspooldir:
            return
        try:
            handle, _ = tempfile.mkstemp(prefix="event-", dir=options.eventspooldir)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(self.text(events, has_metadata=has_metadata))
        except OSError as error:
            logger.error(f"AlarmReceiver: {options.eventspooldir}: {error.strerror}")

    def finish(self, options: AlarmOptions) -> None:
        """The call is over: write its file, run the command."""
        if not self.events:
            return
        if not options.logindividualevents:
            self.write(options, self.events, has_metadata=not options.no_group_meta)
        if not options.eventcmd:
            return
        try:
            text = self.text(self.events).encode()
            done = run_shell(options.eventcmd, input=text, timeout=COMMAND_LIMIT)
        except (OSError, subprocess.TimeoutExpired) as error:
            logger.error(f"AlarmReceiver: eventcmd: {error}")
            return
        if done.returncode:
            logger.warning(f"AlarmReceiver: eventcmd ended with {done.returncode}")


def _one_line(text: str) -> str:
    return " ".join(text.split())
