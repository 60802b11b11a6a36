"""A system in the test's own process (:mod:`globstar.testing`), by the name that these tests know it by."""

from globstar.testing.switch import WALL_START, LogCapture, running_system

__all__ = ["WALL_START", "LogCapture", "running_system"]
