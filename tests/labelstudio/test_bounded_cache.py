"""What callers send is cached up to a number of bytes, refusals too."""

from __future__ import annotations

import pytest

from ml_backend.labelstudio import label_config
from ml_backend.labelstudio.bounded_cache import BoundedCache
from ml_backend.labelstudio.label_config import UnsupportedLabelConfig, parse


def made(cache: BoundedCache[str], keys: str, n_bytes: int = 10) -> str:
    """The keys whose values had to be made, in order."""
    asked: list[str] = []
    for key in keys:
        assert cache.get(key, n_bytes, lambda key=key: asked.append(key) or key.upper()) == key.upper()
    return "".join(asked)


def test_values_used_last_are_kept_as_long_as_there_is_room():
    cache: BoundedCache[str] = BoundedCache(30)
    assert made(cache, "abcabcd") == "abcd"
    assert made(cache, "bcd") == ""
    assert made(cache, "a") == "a", "the one used longest ago made room for the fourth"


def test_a_value_larger_than_the_cache_is_made_each_time_and_pushes_nothing_out():
    cache: BoundedCache[str] = BoundedCache(30)
    assert made(cache, "ab") == "ab"
    assert made(cache, "zz", n_bytes=31) == "zz"
    assert made(cache, "ab") == ""


def test_configs_of_any_number_take_bounded_memory(monkeypatch: pytest.MonkeyPatch):
    cache: BoundedCache[label_config.LabelConfig | str] = BoundedCache(200_000)
    monkeypatch.setattr(label_config, "_parsed_configs", cache)
    for i in range(100):
        choices = "".join(f'<Choice value="{i} {k}"/>' for k in range(20))
        parse(f'<View><Text name="t" value="$t"/><Choices name="c" toName="t">{choices}</Choices></View>')
        assert 0 < cache.n_bytes <= 200_000


def test_a_config_that_was_refused_is_not_read_again(monkeypatch: pytest.MonkeyPatch):
    config = "<View><Image name='i' value='$refused_once'/></View>"
    with pytest.raises(UnsupportedLabelConfig) as first:
        parse(config)
    monkeypatch.setattr(label_config, "read_elements", lambda xml: pytest.fail("read again"))
    with pytest.raises(UnsupportedLabelConfig) as second:
        parse(config)
    assert str(second.value) == str(first.value)
