"""Whether Label Studio answers at an address, which `doctor` asks without the key."""

from __future__ import annotations

import pytest
from recording_server import recording_server
from studios import Fake, Real, both

from ml_backend.labelstudio.address_check import label_studio_version
from ml_backend.labelstudio.client import LabelStudioUnavailable


@pytest.fixture
def label_studio(request: pytest.FixtureRequest) -> Fake | Real:
    """The fake or the real Label Studio, as `both` asks."""
    studio: Fake | Real = request.getfixturevalue(f"{request.param}_label_studio")
    return studio


@both
def test_label_studio_is_told_from_an_address_below_it(label_studio: Fake | Real):
    assert label_studio_version(label_studio.url) == "1.23.2"
    for path in ("/projects/27/data", "/ls", "/data-manager"):
        with pytest.raises(LabelStudioUnavailable) as problem:
            label_studio_version(label_studio.url + path)
        assert str(problem.value) == (
            f"{label_studio.url}{path} is an address below Label Studio's own; set LABEL_STUDIO_URL to "
            f"{label_studio.url}"
        )


@pytest.mark.parametrize("answer", [(404, "x"), (200, {"detail": "hello"}), (401, "no"), (401, ["detail"]), (503, {})])
def test_another_server_is_not_taken_for_label_studio(answer: tuple[int, object]):
    with recording_server(lambda _: answer) as server, pytest.raises(LabelStudioUnavailable, match="is not Label"):
        label_studio_version(f"{server.url}/some/where")


def test_a_server_that_does_not_respond_is_named_with_the_remedy():
    with pytest.raises(LabelStudioUnavailable, match="start it, or set LABEL_STUDIO_URL to its address"):
        label_studio_version("http://localhost:1")
