"""The elements of a label config, with tags and attributes in lower case.

Label Studio's editor takes tags and attributes in any letter case, so everything that reads a label config uses the
lower-case names of these elements.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

TAG_NAMES = {
    name.lower(): name
    for name in (
        *("Choices", "Taxonomy", "Rating", "Pairwise", "Labels", "HyperTextLabels", "ParagraphLabels", "TextArea"),
        *("Number", "DateTime", "Ranker", "List"),
        *("Choice", "Text", "HyperText", "Paragraphs", "Header", "View", "Repeater"),
    )
}
"""Lower-case tag → the spelling of Label Studio's documentation, for messages."""
WRITTEN_TAG = "<tag>"
"""Key of the tag as it was written; no attribute of an XML file can have this name."""
SUPPORTED = (
    "Supported: <Choices> (single or multiple, nested too) or <Taxonomy> with its classes written in the config, or "
    "<Rating>, over <Text>, <HyperText> or <Paragraphs> whose value names a field of the task, such as $text"
)


class UnsupportedLabelConfig(ValueError):
    """A label config without a supported classification control; the message says what is supported."""


def read_elements(xml: str) -> Element:
    """The root of a label config, with tags and attributes in lower case. Raises UnsupportedLabelConfig."""
    if not xml.strip():
        raise UnsupportedLabelConfig(f"the project has no label config yet. {SUPPORTED}.")
    try:
        root: Element = fromstring(xml)
    except (ParseError, DefusedXmlException, ValueError) as problem:
        raise UnsupportedLabelConfig(f"the label config cannot be read as XML: {problem}. {SUPPORTED}.") from None
    for element in root.iter():
        element.attrib = {name.lower(): value for name, value in element.attrib.items()} | {WRITTEN_TAG: element.tag}
        element.tag = element.tag.lower()
    return root


def tag_name(element: Element) -> str:
    """The tag of an element as Label Studio's documentation spells it, for messages."""
    return TAG_NAMES.get(element.tag, element.get(WRITTEN_TAG, element.tag))
