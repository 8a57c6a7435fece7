"""docs/label-configs.md says what is read of the label configs in Label Studio's template gallery for text.

`python tests/labelstudio/test_gallery.py` writes its table anew.
"""

from __future__ import annotations

import re
from pathlib import Path

from gallery import GALLERY

from ml_backend.labelstudio.config_elements import SUPPORTED
from ml_backend.labelstudio.label_config import UnsupportedLabelConfig, parse

PAGE = Path(__file__).parents[2] / "docs" / "label-configs.md"
START, END = "<!-- gallery -->\n", "<!-- end of gallery -->"
HEADING = "| template | texts | control | classes | what is said |\n|---|---|---|---|---|\n"


def row(title: str, xml: str) -> str:
    """A row of the table."""
    try:
        config = parse(xml)
    except UnsupportedLabelConfig as refusal:
        reason = str(refusal).removesuffix(f" {SUPPORTED}.")
        return f"| {title} | | | | refused: {as_markdown(reason)} |\n"
    texts = ", ".join(f"`${name}`" for name in config.fields)
    kind = "several of" if config.multi_label else "one of"
    notes = " ".join(as_markdown(note) for note in config.notes)
    return f"| {title} | {texts} | `{config.control}` | {kind} {', '.join(config.classes)} | {notes} |\n"


def as_markdown(text: str) -> str:
    """A sentence with its tags as code."""
    return re.sub(r"<[A-Z][^<>]*>", lambda tag: f"`{tag[0]}`", text).replace("|", "\\|")


def table() -> str:
    """The table of all templates."""
    return HEADING + "".join(row(title, xml) for title, xml in GALLERY.items())


def test_the_table_of_label_configs_is_true():
    text = PAGE.read_text(encoding="utf-8")
    written = text.split(START)[1].split(END)[0]
    assert written.strip().splitlines() == table().strip().splitlines(), "run python tests/labelstudio/test_gallery.py"


def test_the_gallery_shows_what_is_read_and_what_is_refused():
    refused = sum("refused:" in line for line in table().splitlines())
    assert len(GALLERY) >= 12
    assert 0 < refused < len(GALLERY)


if __name__ == "__main__":
    before, rest = PAGE.read_text(encoding="utf-8").split(START)
    PAGE.write_text(f"{before}{START}\n{table()}\n{END}{rest.split(END)[1]}", encoding="utf-8")
