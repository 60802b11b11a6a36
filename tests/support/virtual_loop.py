"""The virtual-time loop of :mod:`globstar.testing`, by the name that these tests know it by."""

from globstar.testing.virtual_loop import PATIENCE, START, Deadlock, VirtualTimeLoop, describe_tasks, run_virtual

__all__ = ["PATIENCE", "START", "Deadlock", "VirtualTimeLoop", "describe_tasks", "run_virtual"]
