"""A local source that may not be read says whose it is and what to run, whoever asks for it."""

import asyncio
import os

import pytest

from cgwire.codes import Code
from cgwire.text import hint, sentence
from cloudgather.agent.source import LocalSource
from cloudgather.ports.source import SourceUnavailable
from unit.doctor.examined import nobody, roots_folder

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")


async def _walked(source: LocalSource) -> None:
    async for _ in source.scan():
        pass


@pytest.mark.parametrize("ask", [LocalSource.root, _walked])
def test_whose_it_is_and_what_to_run(ask: object) -> None:
    with roots_folder() as folder:
        (folder / "films").mkdir(mode=0o750)
        source = LocalSource(bytes(folder / "films"))
        with nobody(), pytest.raises(SourceUnavailable) as caught:
            asyncio.run(ask(source))  # type: ignore[operator]  # one of the two above

        reason = caught.value.reason
        assert reason.code == Code.SOURCE_DENIED
        told = sentence(reason.to_wire(), "en")
        assert (
            told
            == f"the folder may not be read by nobody: {folder}/films; {folder}/films belongs to root:root, mode 0750"
        )
        advice = hint(reason.to_wire(), "en")
        assert advice is not None
        assert f"sudo setfacl -R -m u:nobody:rX {folder}/films" in advice
