"""Whatever is wrong with a pack is refused with file, line, field and reason, all of it at once."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.packs import PackErrors, load_pack
from tests.config.packs_on_disk import CITY, Packs, packs

__all__ = ["packs"]

# CITY has five lines, so what is added begins on line 6.


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("[limits]\nrings = 20", "city.toml:7: limits.rings: is not a known key; known here are announce_every_s"),
        ("[limits]\nring_s = 2", "city.toml:7: limits.ring_s: must be at least 5, not 2"),
        ("[limits]\n\n# long\nring_s = 500.5", "city.toml:9: limits.ring_s: must be at most 120, not 500.5"),
        ("[limits]\nring_s = nan", "city.toml:7: limits.ring_s: must be a number"),
        ('[limits]\nring_s = "20"', "city.toml:7: limits.ring_s: must be a number"),
        ("[limits]\nring_s = true", "city.toml:7: limits.ring_s: must be a number"),
        ("[limits.ring_s]\nvalue = 500\nsource = '§1'", "city.toml:6: limits.ring_s: must be at most 120, not 500"),
        ("[limits]\nring_s = { value = 20, from = 1 }", "city.toml:7: limits.ring_s.from: is neither value nor source"),
        ("[limits]\nring_s = { value = 20, source = 3 }", "city.toml:7: limits.ring_s.source: must be an article"),
        ("[limits.ring_s]\nlong = 1", "city.toml:6: limits.ring_s: is a single value, not a table"),
        ("limits.x = 3", "city.toml:6: city.limits: is not a known key; known here are area_code"),
        (
            "[limit]\nring_s = 20",
            "city.toml:6: limit: is not a known key; known here are answering, archive",
        ),
        ("[recording]\nkeep_min_years = 3.5", "city.toml:7: recording.keep_min_years: must be a whole number"),
        ("[recording]\nkeep_min_years = 9", "recording.keep_max_years: is 5, less than keep_min_years (9)"),
        ('[duty]\nphones = ["0795-3500000"]', "city.toml:7: duty.phones.0: must be “desk:” with 2 to 8 digits or"),
        ('[duty]\nphones = "desk:8001"', "city.toml:7: duty.phones: must be a list in [ ]"),
        ('[duty]\n[duty.phones]\na = "desk:1"', "city.toml:7: duty.phones: is a single value, not a table"),
        ('duty = 3\n[skills]\nx = "甲"', "city.toml:6: city.duty: is not a known key"),
        ('[skills]\nEN = "英语"', "city.toml:7: skills.EN: must be a name of small letters"),
        ('[keys.12]\nmeaning = "甲"', "city.toml:6: keys.12: must be one key of a telephone"),
        ('[keys.4]\nmeaning = "甲"\nskill = "english"', "city.toml:8: keys.4.skill: names the skill english, which is"),
        ("[keys.4]\npriority = 3", "city.toml:6: keys.4.meaning: is missing"),
        ('[keys.4]\nmeaning = "甲"\npriority = 101', "city.toml:8: keys.4.priority: must be at most 100, not 101"),
        ('[keys.4]\nmeaning = "甲"\nemergency = 1', "city.toml:8: keys.4.emergency: must be true or false"),
        ("keys.4 = 1", "city.toml:6: city.keys: is not a known key"),
        ('[entry]\nmode = "menu"', "city.toml:7: entry.mode: must be direct"),
        ('[entry]\ngreeting = "welcome"', "city.toml:7: entry.greeting: names the prompt welcome, which has no text"),
        ('[entry]\nskill = "english"', "city.toml:7: entry.skill: names the skill english, which is not in [skills]"),
        ('[entry]\nnumbers = ["12"]', "city.toml:7: entry.numbers.0: must be a number of 3 to 11 digits"),
        ("[entry]\nnumbers = []", "city.toml:7: entry.numbers: is empty"),
        ("[entry]\nmode = 1\ngreeting = [1]", "city.toml:8: entry.greeting: must be a text"),
        ('[entry]\nnumber = "12345"', "city.toml:7: entry.number: is not a known key; known here are greeting, mode"),
        ('[dispatch]\nwithin = "2 days"', "city.toml:7: dispatch.within: must be a time as in “5 working days”"),
        ("[dispatch]\nwithin = 2", "city.toml:7: dispatch.within: must be a time as in “5 working days”"),
        ('[dispatch]\nwithin = "none"', "city.toml:7: dispatch.within: must be a time as in"),
        ('[sms]\nresult_within = "soon"', "city.toml:7: sms.result_within: must be a time as in"),
        ('[redo]\nwithin = "half"', "city.toml:7: redo.within: must be a time as in"),
        ('[clock]\nstart = "tomorrow"', "city.toml:7: clock.start: must be same_day, next_workday or second_workday"),
        ('[clock]\nworking_hours = ["8-12"]', "city.toml:7: clock.working_hours.0: must be a time as in “08:30-12:00”"),
        ('[revisit]\nquiet = ["25:00-26:00"]', "city.toml:7: revisit.quiet.0: must be a time as in"),
        ('[leader_day]\nhours = ["周八 09:00-10:00"]', "leader_day.hours.0: must be a day and a time"),
        (
            '[deadlines."咨询"]\ndays = 2',
            "city.toml:7: deadlines.咨询.days: is not a known key; known here are",
        ),
        ('[deadlines."咨询"]\ncomplex = "5 working days"', "city.toml:6: deadlines.咨询.within: is missing"),
        ('[deadlines]\n"咨询" = "2 hours"', "city.toml:7: deadlines.咨询: must be a table: write [deadlines.咨询]"),
        ('[urgent.x]\nname = "甲"', "city.toml:6: urgent.x.covers: is missing"),
        ('[urgent.x]\nname = "甲"\ncovers = []', "city.toml:8: urgent.x.covers: is empty"),
        (
            '[urgent.x]\nname = "甲"\ncovers = ["水"]\ncategories = ["询问"]',
            "city.toml:9: urgent.x.categories: names “询问”, which is none of 咨询",
        ),
        (
            '[orders]\ncategories = ["咨询", "点赞"]',
            'city.toml:7: orders.categories: has 点赞, which has no deadline: write [deadlines."点赞"]',
        ),
        ("[orders]\ncategories = []", "city.toml:7: orders.categories: is empty"),
        ('[emergency]\nnumbers = ["110", "119", "120"]', "city.toml:7: emergency.numbers: lacks 122; 110, 119, 120"),
        ('[emergency]\nlinked = ["11"]', "city.toml:7: emergency.linked.0: must be a number of 3 to 11 digits"),
        ('[extension]\nnot_for = ["询问"]', "city.toml:7: extension.not_for: names “询问”, which is none of"),
        ('[satisfaction]\nunsatisfied = ["差"]', "city.toml:7: satisfaction.unsatisfied: names “差”, which is none of"),
        ('[satisfaction]\nunrated = "default"', "satisfaction.unrated_level: names “”, which is none of"),
        (
            '[not_accepted]\nreasons = [\n  { id = "a", text = "甲" },\n  { id = "a", text = "乙" },\n]',
            "city.toml:7: not_accepted.reasons: has the id a twice",
        ),
        (
            '[not_accepted]\nreasons = [{ id = "A", text = "甲" }]',
            "city.toml:7: not_accepted.reasons.0.id: must be a name of small letters",
        ),
        (
            '[not_accepted]\nreasons = [{ id = "a", text = "甲", why = "" }]',
            "city.toml:7: not_accepted.reasons.0.why: is not a known key; known here are handling, id, source, text",
        ),
        ("[restrictions]\nmax_days = 0", "city.toml:7: restrictions.max_days: must be at least 1, not 0"),
        ("[restrictions]\nenabled = 1", "city.toml:7: restrictions.enabled: must be true or false"),
        ("[archive]\nkeep_min_years = 11", "archive.keep_max_years: is 10, less than keep_min_years (11)"),
        ("[orders]\nprefix = 'yc'", "city.toml:7: orders.prefix: must be at most six capital letters or digits"),
        ("[voice]\nname = '--help'", "city.toml:7: voice.name: must be the name of a voice"),
        ("[prompts]\ngoodbye = '再见'", "city.toml:7: prompts.goodbye: is no prompt that a call asks for"),
        ("[prompts]\nfarewell = 3", "city.toml:7: prompts.farewell: must be a text in quotes"),
        ("[prompts]\nfarewell = '  '", "city.toml:7: prompts.farewell: is empty; write what callers should hear"),
        (
            "[prompts]\nfarewell = '发送SMS'",
            "city.toml:7: prompts.farewell: has the character “S”, which cannot be spoken",
        ),
        (
            "[prompts]\nfarewell = '{name:digits}'",
            "city.toml:7: prompts.farewell: asks for {name}, but the values given",
        ),
        ("[prompts]\nqueue_position = '{position}'", "city.toml:7: prompts.queue_position: has the slot {position}"),
        (
            "[prompts]\nqueue_position = '{position:date}'",
            "prompts.queue_position: reads {position} as date; it can be",
        ),
        (
            "[prompts]\nqueue_position = '{position:big}'",
            "prompts.queue_position: reads {position} as big, which is none",
        ),
        ("[prompts]\nqueue_position = '第{位'", "prompts.queue_position: has a brace without its partner"),
        ('[city.name]\nvalue = "甲"', "city.toml:6: is not valid TOML"),
        ("[limits]\nring_s = 20\nring_s = 30", "city.toml:8: is not valid TOML: Cannot overwrite a value"),
        ("[limits\n", "city.toml:6: is not valid TOML"),
    ],
)
def test_what_is_wrong_in_city_toml_is_told_with_its_line(packs: Packs, more: str, problem: str) -> None:
    packs.city_toml(more + "\n")
    problems = packs.problems()
    assert any(problem in found for found in problems), problems


@pytest.mark.parametrize(
    ("city", "problem"),
    [
        (CITY.replace('status = "in_force"', ""), "city.toml:1: city.status: is missing"),
        (CITY.replace("in_force", "valid"), "city.toml:5: city.status: must be in_force, draft or expired"),
        (CITY.replace("0795", "795"), "city.toml:4: city.area_code: must be an area code of three or four digits"),
        (CITY + "valid_from = '2022-06-08'", "city.toml:6: city.valid_from: must be a date, as in 2022-06-08"),
        (CITY.replace("试验市", ""), "city.toml:2: city.name: is empty"),
        ("", "city.toml: city: is missing"),
    ],
)
def test_a_city_must_say_who_it_is(packs: Packs, city: str, problem: str) -> None:
    packs.write("city.toml", city)
    problems = packs.problems()
    assert any(found.startswith(problem) for found in problems), problems


def test_rows_are_counted_by_the_lines_of_the_file_also_after_a_cell_with_a_line_break(packs: Packs) -> None:
    rows = '1001,"甲\n乙",general,desk:8001\n\n1002,乙,general,x\n'
    packs.write("agents.csv", f"id,name,skills,address\n{rows}")
    assert [problem.partition(" ")[0] for problem in packs.problems()] == ["agents.csv:5:"]


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("id,name,skills", "agents.csv:1: address: is a missing column"),
        ("id,name,skills,address,colour", "agents.csv:1: colour: is not a column of this table; known are"),
        ("id,name,skills,address,name", "agents.csv:1: name: is a column twice"),
    ],
)
def test_the_columns_of_a_table_are_checked(packs: Packs, header: str, problem: str) -> None:
    packs.write("agents.csv", header + "\n")
    assert packs.problems()[0].startswith(problem)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("1001,甲,乙,general,desk:8001", "agents.csv:2: has 5 cells for 4 columns"),
        ('1001,"甲,general,desk:8001', "agents.csv:2: is not a CSV row"),
    ],
)
def test_a_row_that_is_none_is_told_with_its_line(packs: Packs, row: str, problem: str) -> None:
    packs.write("agents.csv", f"id,name,skills,address\n{row}\n")
    assert packs.problems()[0].startswith(problem)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("甲1,甲,general,desk:8001", "agents.csv:2: id: must be 1 to 32 letters, digits, - or _"),
        ("1,,general,desk:8001", "agents.csv:2: name: is empty"),
        ("1,甲,,desk:8001", "agents.csv:2: skills: is empty"),
        ("1,甲,general;english,desk:8001", "agents.csv:2: skills: names the skill english, which is not in [skills]"),
        ("1,甲,general,8001", "agents.csv:2: address: must be “desk:”"),
        ("1,甲,general,desk:8001\n1,乙,general,desk:8002", "agents.csv:3: id: is the same as on line 2"),
        ("1,甲,general,desk:8001\n2,乙,general,desk:8001", "agents.csv:3: address: is the same as on line 2"),
    ],
)
def test_what_is_wrong_in_the_roster_is_told_with_its_line(packs: Packs, rows: str, problem: str) -> None:
    packs.write("agents.csv", f"id,name,skills,address\n{rows}\n")
    problems = packs.problems()
    assert any(found.startswith(problem) for found in problems), problems


def test_no_problem_repeats_a_persons_name_or_number(packs: Packs) -> None:
    packs.write("agents.csv", "id,name,skills,address\n张三丰,张三丰,general,13812345678\n1,张三丰,nothing,desk:1x\n")
    packs.city_toml('[duty]\nphones = ["13812345678"]\n')
    told = "\n".join(packs.problems())
    assert "张三丰" not in told
    assert "13812345678" not in told


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"channels": 2}, "prompts/farewell.wav: is 16-bit, 2 channel(s), 8000 Hz; record it as a WAV of 16-bit PCM"),
        ({"width": 1}, "prompts/farewell.wav: is 8-bit, 1 channel(s), 8000 Hz; record it"),
        ({"rate": 96000}, "prompts/farewell.wav: is 16-bit, 1 channel(s), 96000 Hz; record it"),
        ({"seconds": 0.0}, "prompts/farewell.wav: lasts 0.0 s; a prompt lasts from 0.1 to 120 s"),
    ],
)
def test_a_recording_that_cannot_be_played_is_refused(packs: Packs, form: dict[str, float], problem: str) -> None:
    packs.recording("farewell.wav", **form)  # type: ignore[arg-type]
    assert packs.problems()[0].startswith(problem)


def test_a_recording_must_have_the_name_of_a_prompt_without_changing_values(packs: Packs) -> None:
    packs.recording("goodbye.wav")
    packs.recording("queue_position.wav")
    packs.write("prompts/farewell.mp3", b"ID3")
    packs.write("prompts/leave_message.wav", b"RIFF....")
    problems = packs.problems()
    assert [problem.partition(": ")[0] for problem in problems] == [
        "prompts/farewell.mp3",
        "prompts/goodbye.wav",
        "prompts/leave_message.wav",
        "prompts/queue_position.wav",
    ]
    assert "values that change" in problems[-1]


def test_all_problems_of_all_files_are_told_at_once(packs: Packs) -> None:
    packs.city_toml('[limits]\nring_s = 2\npatience_s = "long"\n[prompts]\nfarewell = "%"\n')
    packs.write("agents.csv", "id,name,skills,address\n,,,\n甲,,,\n")
    packs.recording("nothing.wav")
    problems = packs.problems()
    assert [problem.split(": ")[:2] for problem in problems] == [
        ["agents.csv:3", "id"],
        ["agents.csv:3", "name"],
        ["agents.csv:3", "address"],
        ["agents.csv:3", "skills"],
        ["city.toml:7", "limits.ring_s"],
        ["city.toml:8", "limits.patience_s"],
        ["city.toml:10", "prompts.farewell"],
        ["prompts/nothing.wav", "has the name of no prompt; there are " + problems[-1].rpartition("there are ")[2]],
    ]


def test_problems_are_config_errors_that_can_be_caught_as_such(packs: Packs) -> None:
    packs.city_toml("[limits]\nring_s = 2\n")
    caught: list[ConfigError] = []
    try:
        packs.load()
    except* ConfigError as group:
        caught += [error for error in group.exceptions if isinstance(error, ConfigError)]
    assert [(Path(error.file).name, error.line, error.field) for error in caught] == [("city.toml", 7, "limits.ring_s")]


@pytest.mark.parametrize("city", ["nowhere", "_default", "../trial", "", "Trial"])
def test_a_city_that_does_not_exist_is_refused(packs: Packs, city: str) -> None:
    with pytest.raises(PackErrors) as caught:
        load_pack(packs.folder, city)
    assert "no such city" in caught.value.lines[0] or "there are: trial" in caught.value.lines[0]


def test_a_city_toml_in_another_encoding_is_refused_with_the_mend(packs: Packs) -> None:
    packs.write("city.toml", CITY.encode("gbk"))
    assert packs.problems() == ["city.toml: is not UTF-8; save it in the encoding UTF-8"]


def test_a_city_toml_with_a_byte_order_mark_is_read(packs: Packs) -> None:
    packs.write("city.toml", CITY.encode("utf-8-sig"))
    assert packs.load().city.name == "试验市"


def test_a_city_folder_without_a_city_toml_is_refused(packs: Packs) -> None:
    (packs.city / "city.toml").unlink()
    assert packs.problems() == ["city.toml: does not exist; every city has one"]
