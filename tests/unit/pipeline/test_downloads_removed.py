"""To remove a download that is being removed is no mistake."""

import asyncio
from errno import EBUSY
from pathlib import Path
from types import SimpleNamespace
from typing import Final, cast

import pytest

from cgwire import download as wire
from cgwire.access import Access
from cgwire.codes import Code
from cloudgather.core.caller import Caller, Refused
from cloudgather.core.download import Event
from cloudgather.operations.downloads import DownloadOperations
from cloudgather.operations.world import World
from downloadwork import staged
from waiting import eventually

OPERATOR: Final = Caller(uid=1, gid=1, pid=1, user="somebody", groups=frozenset({1}), access=Access.OPERATE)


def test_an_order_to_remove_may_be_given_again_but_not_with_another_wish(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await stage.add()
            stage.removal_fails = OSError(EBUSY, "busy")
            async with stage.followed() as downloads:
                operations = DownloadOperations(cast(World, SimpleNamespace(downloads=downloads)))

                async def removed(*, keep_files: bool = False) -> bool:
                    order = wire.Remove(id=download.id, keep_files=keep_files)
                    return bool((await operations.download_remove(order, OPERATOR))["under_way"])

                assert not await removed()
                await stage.works.advance(5.0)
                await eventually(lambda: stage.removals_refused > 0, what="that its data was to go")
                assert await removed()
                with pytest.raises(Refused) as caught:
                    await removed(keep_files=True)
                assert caught.value.reason.code == Code.ERROR_DOWNLOAD_STATE

                stage.removal_fails = None
                for _ in range(100):
                    if download.id not in stage.book.open:
                        break
                    await stage.works.advance(60.0)
                assert download.id not in stage.book.open
                assert not await removed()

            assert stage.removed == [download.folder]
            orders = [past.event for past in await stage.store.download_history(download.id)]
            assert orders.count(Event.REMOVE) == 1

    asyncio.run(main())
