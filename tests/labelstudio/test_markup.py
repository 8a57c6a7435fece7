import contextlib

import pytest

from ml_backend.labelstudio.markup import BrokenMarkup, text_of_markup

CHARACTERS = 100_000
HANGS = 15
"""Seconds after which a test is stopped: a time that grows with the square of the length is far above."""
"""Of processor time; reading each of these in a time that grows with the square of the length takes minutes."""


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("plain", "plain"),
        ("3 < 4 and a<b>c", "3 < 4 and ac"),
        ("<p>Hi <b>you</b> &amp; me</p>one\ntwo<br>three", "Hi you & me\none two\nthree"),
        ("Hello</script> world</style>!", "Hello world!"),
        ("a<script>if (a<b) {}</script >b<STYLE>p{}</STYLE>c<title>t</title>d", "abcd"),
        ("<html><head><title>T</title><meta x></head><body>body</body></html>", "body"),
        ("<html><head><title>T</title><body>no end of the head", "no end of the head"),
        ("a<template>x<template>y</template>z</template>b</template>c", "abc"),
        ("a<noscript><b>n</b></noscript><iframe><p></iframe><video>old</video>b", "ab"),
        ("<!-->a<!--->b<!-- x --!>c<!-- > -->d<!doctype html>e<?xml v?>f</>g", "abcdefg"),
        ("x <![foo[ bar ]]> y", "x y"),
        ("<a title='x>y' b=\"q>\" c=d=e f = 'g>' = h>link</a>", "link"),
        ("<a/b>x</a/><BR/>y", "x\ny"),
        ("<pre>l1\nl2</pre>l3\nl4<textarea><b></textarea>", "l1\nl2\nl3 l4\n<b>"),
        ("<table><tr><td>1</td><td>2</td></tr></table><ul><li>3<li>4</ul>", "1\n2\n3\n4"),
        ("&lt;b&gt; &eacute;&#233;&#xe9; &nbsp; &unknown; & &amp", "<b> ééé &unknown; & &"),
        ("&#" + "9" * 6_000 + "; &#x110000;", "\ufffd \ufffd"),
        ("a<script>no end <p>b", "a"),
        ("<div style='display:none'>preview <b>of</b> it<br><img></div>Dear all", "Dear all"),
        ('<div style="color: red; DISPLAY : None !important; x: y">no<div>no</div>no</div>yes', "yes"),
        ("<span hidden>no</span>yes<b HIDDEN=''>no</b><i title=hidden style='display: nonesuch'>yes</i>", "yesyes"),
        ("<div><span style=display:none>no</div>yes", "yes"),
        ("<div hidden>no<p>no<p>no<textarea>no</textarea></div>yes<textarea hidden>no</textarea>", "yes"),
        ("<div style='display:none;display:block'>yes</div><p hidden>read<p>yes", "yes\nread\nyes"),
        ("<input hidden>yes<br hidden>yes<div hidden>no</div>yes<div hidden>never closed", "yesyesyes"),
        ("<div style='display:&#" + "9" * 6_000 + ";none'>yes</div hidden>yes", "yes\nyes"),
        ("", ""),
    ],
)
def test_the_text_is_what_a_browser_shows(markup: str, text: str):
    assert text_of_markup(markup) == text


@pytest.mark.parametrize("markup", ["a<!-- b", "a<![b", "a<?b", "a</ b", "a<b", "a<b c", "a<b c='d>", "a<b c=", "a</b"])
def test_markup_that_ends_inside_a_tag_or_a_comment_is_broken(markup: str):
    with pytest.raises(BrokenMarkup):
        text_of_markup(markup)


@pytest.mark.timeout(HANGS)
@pytest.mark.parametrize(
    "repeated",
    [
        *("<!--", '<a="', "</", "<![", "<?", "<", "< ", "<a ", '<a x="', "<a x='\"", "<a x=y ", "<a =", "<a/", "<a><"),
        *("<p>\n", "<b>", "<b hidden>", "<a style='display:none'>", "<a hidden><b></c>", "<a style=';display:"),
        *("<b>", "<pre>", "<template>", "<script>", "<script></script>", "<textarea></textarea x", "<title"),
        *(
            "<title></title",
            "<iframe></iframe x",
            "</script>",
            "<!-- -->",
            "-->",
            "<a b='<!--'>",
            "&",
            "&#",
            "&#9",
            "&lt",
        ),
    ],
)
def test_reading_takes_a_time_that_grows_with_the_length(repeated: str):
    markup = (repeated * (CHARACTERS // len(repeated) + 1))[:CHARACTERS]
    with contextlib.suppress(BrokenMarkup):
        text_of_markup(markup)
