"""The configuration that Globstar starts with when there is none."""

from globstar.demo.files import DemoInfo, DemoPhone, write_demo

__all__ = ["DemoInfo", "DemoPhone", "write_demo"]
