"""The text that a browser shows of HTML, found in one pass: no markup costs more than its length."""

from __future__ import annotations

import html
import re
from collections import Counter

WHITE_SPACE_OR_SLASH = re.compile(r"[\t\n\f\r /]*+")
ATTRIBUTE_NAME = re.compile(r"[^\t\n\f\r />=]*+")
EQUALS = re.compile(r"[\t\n\f\r ]*+=[\t\n\f\r ]*+")
UNQUOTED_VALUE = re.compile(r"[^\t\n\f\r >]*+")
START = re.compile(r"<(?=[a-zA-Z/!?])")
TAG = re.compile(r"</?([a-zA-Z][^\t\n\f\r />]*+)")
SHORT_COMMENT = re.compile(r"<!--(-?>)")
END_OF_COMMENT = re.compile(r"--!?>")
LONG_NUMBER = re.compile(r"&#0*+([0-9]{8})[0-9]*+;?")

UNREAD_AS_TEXT = ("script", "style", "title", "noscript", "iframe", "noembed", "noframes")
"""Elements that are not shown and whose content is no markup: everything up to the closing tag is skipped."""
READ_AS_TEXT = ("textarea", "xmp")
"""Elements that are shown and whose content is no markup."""
UNREAD = {"template", "audio", "video", "canvas"}
"""Elements with markup inside that is not shown."""
BREAKING = {
    *("p", "br", "div", "li", "tr", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "ul", "ol"),
    *("dl", "dt", "dd", "table", "caption", "blockquote", "pre", "hr", "header", "footer", "main", "nav", "aside"),
    *("figure", "figcaption", "form", "fieldset", "legend", "address", "center", "details", "summary", "option"),
    *("thead", "tbody", "tfoot", "body", "html", "hgroup", "menu", "dir", "dialog", "search", "textarea", "xmp"),
}
"""Elements that start and end a line."""
VOID = {
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"),
}
"""Elements without content or closing tag."""
END_LEFT_OUT = {
    *("p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "caption", "colgroup", "option", "optgroup"),
    *("rb", "rt", "rtc", "rp", "html", "head", "body"),
}
"""Elements whose closing tag may be left out, so that what is hidden with them cannot be told in one pass."""
DISPLAY = re.compile(r"(?:^|;)\s*+display\s*+:\s*+([^;]*+)", re.IGNORECASE)


class BrokenMarkup(ValueError):
    """The markup ends inside a tag or a comment, so that a browser hides what was written after its start."""


def text_of_markup(markup: str) -> str:
    """The text that a browser shows: lines without white space at their ends, none of them empty.

    Raises BrokenMarkup.
    """
    reader = _Reader(markup)
    reader.read()
    lines = (" ".join(line.split()) for line in "".join(reader.pieces).split("\n"))
    return "\n".join(line for line in lines if line)


class _Reader:
    """Reads markup from its start to its end; pieces: of the text so far, with a line break where a line ends."""

    def __init__(self, markup: str) -> None:
        self.markup = markup
        self.pieces: list[str] = []
        self._unread = 0  # elements of UNREAD around the position
        self._preformatted = 0  # <pre> around the position
        self._hides = False  # whether the last tag has an attribute that hides its element
        self._hidden: list[str] = []  # the hidden element around the position, and the open elements inside it
        self._hidden_names: Counter[str] = Counter()

    def read(self) -> None:
        position = 0
        while True:
            start = START.search(self.markup, position)
            self._add(self.markup[position : start.start() if start else None])
            if start is None:
                return
            position = self._after_markup(start.start())

    def _after_markup(self, start: int) -> int:
        """The position after the tag or comment that starts here."""
        markup = self.markup
        tag = TAG.match(markup, start)
        if tag:
            end = self._end_of_tag(tag.end())
            return self._after_tag(tag[1].lower(), end) if markup[start + 1] != "/" else self._closed(tag[1], end)
        if markup.startswith("<!--", start):
            short = SHORT_COMMENT.match(markup, start)
            end_of_comment = short or END_OF_COMMENT.search(markup, start + 4)
            return end_of_comment.end() if end_of_comment else self._broken()
        return markup.find(">", start) + 1 or self._broken()

    def _after_tag(self, name: str, end: int) -> int:
        """Open an element; returns the position after its tag, or after the element if its content is no markup."""
        self._hides &= name not in END_LEFT_OUT
        is_hidden = bool(self._hidden) or self._hides
        self._unread += name in UNREAD
        self._preformatted += name == "pre"
        if name in BREAKING and not is_hidden:
            self._break_line()
        if name not in UNREAD_AS_TEXT and name not in READ_AS_TEXT:
            self._open_hidden(name)
            return end
        closing = re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE).search(self.markup, end)
        if name in READ_AS_TEXT and not is_hidden:
            self._add(self.markup[end : closing.start() if closing else None])
        # Without a closing tag the element reaches to the end.
        return self._end_of_tag(closing.end()) if closing else len(self.markup)

    def _closed(self, name: str, end: int) -> int:
        name = name.lower()
        was_hidden = self._close_hidden(name)
        self._unread = max(0, self._unread - (name in UNREAD))
        self._preformatted = max(0, self._preformatted - (name == "pre"))
        if name in BREAKING and not was_hidden:
            self._break_line()
        return end

    def _open_hidden(self, name: str) -> None:
        if name not in VOID and (self._hidden or self._hides):
            self._hidden.append(name)
            self._hidden_names[name] += 1

    def _close_hidden(self, name: str) -> bool:
        """Close the innermost open element of this name, and the hidden one if it is inside; whether it was hidden."""
        is_inside = self._hidden_names[name] > 0
        while self._hidden:
            closed = self._hidden.pop()
            self._hidden_names[closed] -= 1
            if is_inside and closed == name:
                break
        return is_inside

    def _end_of_tag(self, position: int) -> int:
        """The position after the `>` of a tag; one inside a quoted value does not end the tag."""
        markup = self.markup
        self._hides = False
        if markup[position : position + 1] == ">":
            return position + 1
        while True:
            position = _end(WHITE_SPACE_OR_SLASH, markup, position)
            if position == len(markup):
                return self._broken()
            if markup[position] == ">":
                return position + 1
            start = position
            position = _end(ATTRIBUTE_NAME, markup, position + 1)  # the first character belongs to it, even if it is =
            name = markup[start:position].lower()
            self._hides |= name == "hidden"
            equals = EQUALS.match(markup, position)
            if equals is None:
                continue
            start = position = equals.end()
            if markup[position : position + 1] in {'"', "'"}:
                position = markup.find(markup[position], position + 1) + 1 or self._broken()
            else:
                position = _end(UNQUOTED_VALUE, markup, position)
            if name == "style":
                self._hides |= _is_hiding(markup[start:position].strip("\"'"))

    def _broken(self) -> int:
        raise BrokenMarkup

    def _break_line(self) -> None:
        if not self._unread and not self._hidden:
            self.pieces.append("\n")

    def _add(self, text: str) -> None:
        if self._unread or self._hidden or not text:
            return
        if not self._preformatted:
            text = text.replace("\n", " ")
        self.pieces.append(_unescaped(text))


def _is_hiding(style: str) -> bool:
    """Whether the last value of `display` in a style is `none`."""
    values = DISPLAY.findall(_unescaped(style))
    return bool(values) and values[-1].split("!")[0].strip().lower() == "none"


def _end(pattern: re.Pattern[str], markup: str, position: int) -> int:
    match = pattern.match(markup, position)
    return match.end() if match else position


def _unescaped(text: str) -> str:
    # Python refuses to read decimal numbers of several thousand digits; none of eight is a character.
    return html.unescape(LONG_NUMBER.sub("\ufffd", text)) if "&" in text else text
