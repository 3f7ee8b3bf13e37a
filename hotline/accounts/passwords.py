"""Passwords: which are good enough, and their argon2id hashes, made in threads so that no request waits for them."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from hotline.accounts.model import AccountRefused

P = ParamSpec("P")
T = TypeVar("T")

SHORTEST, LONGEST = 10, 128
_FEWEST_CHARACTERS = 5  # different ones
_ROWS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "1qaz2wsx3edc4rfv5tgb")
_THREADS = 2  # at once: hashing shares its machine with calls

# OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, 2 passes, 1 lane
OWASP = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Passwords:
    """Makes and compares hashes. A hash made with other parameters still compares; `outdated` tells of it."""

    def __init__(self, hasher: PasswordHasher = OWASP) -> None:
        self._hasher = hasher
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="passwords")
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        return await self._run(self._hasher.hash, _bytes(password))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Whether ``kept`` is the hash of the password. Takes as long when there is none, and is then False."""
        self._nobodys = self._nobodys or await self.hash("nobody has this password")
        same = await self._run(self._same, kept or self._nobodys, _bytes(password))
        return same and kept is not None

    def outdated(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    def _same(self, kept: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except VerifyMismatchError:
            return False
        except (VerificationError, InvalidHashError) as error:
            raise RuntimeError("a password hash in the database cannot be read") from error

    async def _run(self, work: Callable[P, T], *arguments: P.args, **_: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)


def check_password(password: str, name: str) -> str:
    """``password`` when it is good enough for the account; raises `AccountRefused` with one sentence, without it."""
    normal = _normal(password)
    if not SHORTEST <= len(normal) <= LONGEST:
        raise AccountRefused("password", f"a password has {SHORTEST} to {LONGEST} characters")
    folded = normal.casefold()
    if len(folded.replace(name.casefold(), "")) < _FEWEST_CHARACTERS:
        raise AccountRefused("password", "the password must not be the account's name with little else")
    repeats = folded in (folded + folded)[1:-1]  # made of one piece, again and again
    if repeats or len(set(folded)) < _FEWEST_CHARACTERS or _is_row(folded):
        raise AccountRefused("password", "the password repeats itself too much; take a few unrelated words")
    return password


def _is_row(text: str) -> bool:
    """Keys as they stand beside each other: 1234567890, abcdefghij, qwertyuiop, and backwards."""
    return any(text in row or text in row[::-1] for row in _ROWS)


def _bytes(password: str) -> bytes:
    return _normal(password).encode("utf-8", "surrogatepass")  # JSON can carry half a character; it is no other


def _normal(password: str) -> str:
    """One form for what keyboards write differently: full-width letters of a Chinese input method, composed accents."""
    return unicodedata.normalize("NFKC", password)
