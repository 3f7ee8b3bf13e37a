"""`hotline route --dial`: a trial call reaches what the table says, a draft's too; the installation notices nothing."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.end_to_end.offices import Office, answered_leg, as_csv, office, row, version_in
from tests.end_to_end.support import town
from tests.sandbox import Answer, Installation

pytestmark = [pytest.mark.switch, pytest.mark.redis, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

LINE, NOW, DRAFTED = "12360", "07954000001", "07954000002"


async def dial(hotline: Installation, number: str, *options: str) -> dict[str, Any]:
    """What the command says, which must have succeeded."""
    status, output, errors = await hotline.command("route", number, *options, "--dial", "--json")
    assert status == 0, errors
    assert errors == ""
    return dict(json.loads(output))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def work(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    """An installation whose database the settings name, as in production."""
    folder = tmp_path_factory.mktemp("trials")
    url = f"sqlite+aiosqlite:///{folder / 'own.db'}"
    async with town(folder, environment={"HOTLINE_DATABASE_URL": url}) as place:
        place.new_phones()
        yield await office(place, url)


@pytest.mark.parametrize(
    ("number", "final", "reached"),
    [("12331", "12315", "skill:l12315"), ("12366", "12366", "phone:12366"), ("2912345", "2912345", "skill:general")],
)
async def test_a_trial_call_in_another_city_reaches_what_its_table_says(
    tmp_path: Path, number: str, final: str, reached: str
) -> None:
    found = await dial(Installation(tmp_path), number, "--city", "chenzhou")
    assert found["final"] == final
    first = found["steps"][0]
    assert f"{first['kind']}:{first['to']}" == reached
    assert found["trial"]["reached"] == reached
    assert found["trial"]["as_routed"] is True
    assert found["trial"]["story"][-1]["kind"] == "call_closed"


async def test_a_trial_call_of_a_draft_reaches_its_target_and_the_installation_goes_on_by_the_effective_table(
    work: Office,
) -> None:
    place = work.town
    place.world.phone(NOW, Answer(after=0.1, tone=900))
    effective = await work.publish([row(LINE, "sub_center", f"phone:{NOW}")], "现在的目标")
    await work.new_calls_have(effective, LINE, NOW)
    drafted = await work.import_file("草稿.csv", as_csv([row(LINE, "sub_center", f"phone:{DRAFTED}")]), "先试拨")
    number = int(drafted.body["table"]["number"])
    calls_before = len(await work.calls(LINE))
    entries_before = await work.history(number)

    found = await dial(place.hotline, LINE, "--draft", str(number))
    assert found["table"].endswith(f"-table-{number}")
    assert found["trial"]["reached"] == f"phone:{DRAFTED}"
    assert found["trial"]["as_routed"] is True

    assert len(await work.calls(LINE)) == calls_before, "the trial call is not in the installation's journal"
    assert DRAFTED not in place.world.phones, "nothing rings outside"
    assert await work.history(number) == entries_before
    assert await work.effective() == effective
    caller = "13800000001"
    citizen = await place.call(LINE, caller=caller, within=20)
    await citizen.hears_speech(within=10)
    await citizen.press("#")
    await answered_leg(place, NOW, caller)
    await citizen.hang_up()
    assert version_in(await work.call_of(caller, LINE)) == effective


async def test_a_draft_that_does_not_exist_is_said_in_one_sentence_and_nothing_is_dialled(work: Office) -> None:
    status, output, errors = await work.hotline.command("route", LINE, "--draft", "999", "--dial", "--json")
    assert status == 3
    assert output == ""
    assert len(errors.splitlines()) == 1
