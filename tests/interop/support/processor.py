"""How long a program had work and no processor, as the kernel counts it: that is the machine's doing, and not the program's."""

from __future__ import annotations

import os


class Waits:
    """The threads of a process, of which the one that waits longest is looked at."""

    def __init__(self, pid: int) -> None:
        self._folder = f"/proc/{pid}/task"
        self._before: dict[str, int] = {}

    def since_last_look(self) -> float:
        """Seconds that a thread was ready to run, but waited, until the last time it ran; 0 the first time, and without Linux."""
        longest = 0
        try:
            threads = os.listdir(self._folder)
        except OSError:  # the process has ended
            return 0.0
        for thread in threads:
            try:
                with open(f"{self._folder}/{thread}/schedstat", "rb") as file:
                    waited = int(file.read().split()[1])  # the second number of proc(5)'s schedstat, in nanoseconds
            except (OSError, IndexError):  # the thread has ended
                continue
            longest = max(longest, waited - self._before.get(thread, waited))
            self._before[thread] = waited
        return longest / 1e9
