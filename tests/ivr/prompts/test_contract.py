"""The prompts that the flow asks for are those that every pack has a text for."""

import ast
from collections.abc import Iterator
from pathlib import Path

import ivr.flow
from config.packs import PROMPTS
from ivr.call import Say
from ivr.flow.greeting import GREETINGS, NOTICES, welcome
from routing.tables import resolve
from tests.support.calls import T0, TABLE

FLOW = Path(ivr.flow.__file__).parent

# prompts that the flow names by a variable, and the switch's own
BY_NAME = {"greeting", "farewell", "message_thanks", "leave_message", "restricted_bye"}
OF_NUMBERS = {*GREETINGS.values(), *NOTICES.values()}
SWITCH = {"switch_hello", "switch_notice", "switch_sorry"}


def said() -> Iterator[tuple[str, frozenset[str]]]:
    """Every ``Say("key", {"value": …})`` in the flow's code."""
    for file in FLOW.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Say":
                key, *values = node.args
                if isinstance(key, ast.Constant):
                    names = [
                        name.value
                        for value in values
                        if isinstance(value, ast.Dict)
                        for name in value.keys
                        if isinstance(name, ast.Constant)
                    ]
                    yield str(key.value), frozenset(str(name) for name in names)


def test_packs_have_exactly_the_prompts_that_the_flow_and_the_switch_ask_for() -> None:
    assert {key for key, _ in said()} | BY_NAME | OF_NUMBERS | SWITCH == PROMPTS.keys()


def test_the_flow_gives_each_prompt_the_values_that_texts_may_use() -> None:
    for key, values in said():
        assert values == PROMPTS[key].keys(), key


def test_the_prompts_named_by_a_variable_are_named_in_the_flow() -> None:
    code = "\n".join(file.read_text("utf-8") for file in FLOW.glob("*.py"))
    assert all(f'"{key}"' in code for key in BY_NAME)


def test_what_is_said_of_a_number_has_the_values_that_texts_may_use() -> None:
    told = [sound for number in TABLE.lines for sound in welcome(resolve(number, T0, TABLE), "greeting")]
    prompts = [sound for sound in told if isinstance(sound, Say)]
    assert {prompt.key for prompt in prompts} >= {"greeting_dual", "greeting_alias", "greeting_forward"}
    assert all(prompt.values.keys() == PROMPTS[prompt.key].keys() for prompt in prompts)
