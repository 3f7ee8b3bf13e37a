"""Which passwords are good enough, and how they are kept."""

import asyncio

import pytest
from argon2 import PasswordHasher, extract_parameters

from hotline.accounts import AccountRefused
from hotline.accounts.passwords import OWASP, Passwords, check_password
from tests.hotline.api_site import PASSWORD, QUICK


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "123456789",
        "x" * 129,
        "aaaaaaaaaaaa",
        "abcabcabcabc",
        "ababababab",
        "1234567890",
        "0987654321",
        "abcdefghij",
        "QWERTYUIOP",
        "zhangsan.zhangsan",
        "Zhangsan.123",
        "1111122222333",
        "1" * 10,
    ],
)
def test_a_weak_password_is_refused_in_one_sentence_without_it(password: str) -> None:
    with pytest.raises(AccountRefused) as refused:
        check_password(password, "zhangsan")
    assert refused.value.field == "password"
    assert "\n" not in str(refused.value)
    assert len(password) < 5 or password not in str(refused.value)


@pytest.mark.parametrize(
    "password", [PASSWORD, "correct horse battery", "幸福路十二号的路灯不亮", "x" * 5 + "yzabc", "8%kd!2mQ0p"]
)
def test_a_good_password_is_taken(password: str) -> None:
    assert check_password(password, "zhangsan") == password


def test_the_parameters_are_those_owasp_asks_for() -> None:
    """OWASP Password Storage Cheat Sheet: argon2id with at least 19 MiB, two passes, one lane."""
    kept = extract_parameters(OWASP.hash("x"))
    assert (kept.type.name, kept.memory_cost >= 19 * 1024, kept.time_cost >= 2, kept.parallelism) == (
        "ID",
        True,
        True,
        1,
    )


async def test_only_the_right_password_compares() -> None:
    passwords = Passwords(QUICK)
    kept = await passwords.hash(PASSWORD)
    assert PASSWORD not in kept
    assert await passwords.hash(PASSWORD) != kept
    assert await passwords.verify(kept, PASSWORD)
    assert not await passwords.verify(kept, PASSWORD + " ")
    assert not await passwords.verify(kept, "")


async def test_full_width_letters_of_an_input_method_are_the_same_password() -> None:
    passwords = Passwords(QUICK)
    assert await passwords.verify(await passwords.hash("ｔｈｒｅｅ　unrelated"), "three unrelated")


async def test_half_a_character_is_a_password_like_any_other() -> None:
    passwords = Passwords(QUICK)
    assert await passwords.verify(await passwords.hash("\ud800" * 12), "\ud800" * 12)


class Counting(PasswordHasher):
    """Counts what it compares."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.compared: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.compared.append(str(hash))
        return super().verify(hash, password)


async def test_without_a_hash_as_much_is_computed_and_the_answer_is_no() -> None:
    hasher = Counting()
    passwords = Passwords(hasher)
    kept = await passwords.hash(PASSWORD)
    assert await passwords.verify(kept, PASSWORD)
    assert not await passwords.verify(None, PASSWORD)
    assert not await passwords.verify(None, "nobody has this password")
    assert len(hasher.compared) == 3
    assert all(extract_parameters(each) == extract_parameters(kept) for each in hasher.compared)


async def test_a_hash_with_other_parameters_compares_and_is_outdated() -> None:
    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    passwords = Passwords(QUICK)
    assert await passwords.verify(old, PASSWORD)
    assert passwords.outdated(old)
    assert not passwords.outdated(await passwords.hash(PASSWORD))


async def test_the_event_loop_goes_on_while_passwords_are_hashed() -> None:
    """Hashing waits for the loop here: on the loop itself it would wait for ever."""
    loop, went_on = asyncio.get_running_loop(), asyncio.Event()

    class Waiting(PasswordHasher):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            async def go_on() -> None:
                went_on.set()

            asyncio.run_coroutine_threadsafe(go_on(), loop).result(timeout=20)
            return "hash"

    assert await Passwords(Waiting()).hash(PASSWORD) == "hash"
    assert went_on.is_set()
