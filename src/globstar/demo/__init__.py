"""The configuration that Globstar starts with when there is none."""

from globstar.demo.files import DemoInfo, DemoPhone, write_demo
from globstar.demo.places import demo_folders, demo_options

__all__ = ["DemoInfo", "DemoPhone", "demo_folders", "demo_options", "write_demo"]
