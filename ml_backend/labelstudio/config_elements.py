"""The elements of a label config, with tags and attributes in lower case.

Label Studio's editor takes tags and attributes in any letter case, so everything that reads a label config uses the
lower-case names of these elements.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError, tostring
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

TAG_NAMES = {
    name.lower(): name
    for name in (
        *("Choices", "Taxonomy", "Rating", "Pairwise", "Labels", "HyperTextLabels", "ParagraphLabels", "TextArea"),
        *("Number", "DateTime", "Ranker", "List"),
        *("Choice", "Text", "HyperText", "Paragraphs", "Header", "View", "Repeater", "Markdown", "Image", "Audio"),
        *("AudioPlus", "Video", "Table", "TimeSeries", "Pdf", "Chat", "Dialog", "CustomInterface", "ReactCode"),
    )
}
"""Lower-case tag → the spelling of Label Studio's documentation, for messages."""
WRITTEN_TAG = "<tag>"
"""Key of the tag as it was written; no attribute of an XML file can have this name."""
CONTENT = "<content>"
"""Key of what is written between the tags instead of `value`, as the editor takes it; missing if that is nothing."""
SUPPORTED = (
    "Supported: <Choices> (single or multiple, nested too) or <Taxonomy> with its classes written in the config, or "
    "<Rating>, over <Text>, <HyperText> or <Paragraphs> whose value names a field of the task, such as $text"
)
MOST_CHARACTERS = 2_000_000
"""Of a label config: a taxonomy of ten thousand classes has about half of it."""
MOST_LEVELS = 100
"""Of nested tags, so that a reader may follow them by recursion."""


class UnsupportedLabelConfig(ValueError):
    """A label config without a supported classification control; the message says what is supported."""


def read_elements(xml: str) -> Element:
    """The root of a label config, with tags and attributes in lower case. Raises UnsupportedLabelConfig."""
    if not xml.strip():
        raise UnsupportedLabelConfig(f"the project has no label config yet. {SUPPORTED}.")
    if len(xml) > MOST_CHARACTERS:
        raise UnsupportedLabelConfig(
            f"the label config has {len(xml):,} characters; at most {MOST_CHARACTERS:,} are read. Shorten it."
        )
    try:
        root: Element = fromstring(xml)
    except (ParseError, DefusedXmlException, ValueError) as problem:
        raise UnsupportedLabelConfig(f"the label config cannot be read as XML: {problem}. {SUPPORTED}.") from None
    _check_levels(root)
    contents = _contents(root)  # before any tag is changed
    for element in root.iter():
        element.attrib = {name.lower(): value for name, value in element.attrib.items()} | {WRITTEN_TAG: element.tag}
        if contents.get(element):
            element.attrib[CONTENT] = contents[element]
        element.tag = element.tag.lower()
    return root


def tag_name(element: Element) -> str:
    """The tag of an element as Label Studio's documentation spells it, for messages."""
    return TAG_NAMES.get(element.tag, element.get(WRITTEN_TAG, element.tag))


def shown_value(element: Element) -> str:
    """What an element shows, with variables: what is written between its tags, otherwise its `value`."""
    return element.get(CONTENT) or element.get("value") or ""


def _check_levels(root: Element) -> None:
    level, elements = 1, [root]
    while elements:
        if level > MOST_LEVELS:
            raise UnsupportedLabelConfig(
                f"the tags of the label config are nested more than {MOST_LEVELS} levels deep. Nest them less."
            )
        level, elements = level + 1, [child for element in elements for child in element]


def _contents(root: Element) -> dict[Element, str]:
    """Element → the markup between its tags, for elements that hold text only, and for a HyperText with any content."""
    contents, elements = {}, [root]
    while elements:
        element = elements.pop()
        if len(element) and element.tag.lower() != "hypertext":
            elements.extend(element)
            continue
        # Serialised as the browser does it: the & and < of a text are written as &amp; and &lt;.
        parts = [escape(element.text or ""), *(tostring(child, encoding="unicode") for child in element)]
        contents[element] = "".join(parts).strip()
    return contents
