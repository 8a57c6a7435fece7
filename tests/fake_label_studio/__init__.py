"""A Label Studio in memory, served over HTTP, with the habits of the real one that the live loop depends on.

`FakeLabelStudio` is the whole; each module holds one concern. What it does is read off Label Studio 1.23.2: the tests
marked `both` run against it and against the real one, so that it cannot drift.
"""

from fake_label_studio.faults import Faults, WebhookMode
from fake_label_studio.server import FakeLabelStudio

__all__ = ["FakeLabelStudio", "Faults", "WebhookMode"]
