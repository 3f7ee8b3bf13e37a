"""Callers' numbers as restrictions know them: one form for all spellings of a number, kept as a keyed hash.

The hash only matches; the masked form only shows. Neither can be turned back into a number without the installation's
secret, and with it only by trying all numbers.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field

from config.logs import mask_number

_FILLING = re.compile(r"[\s()._-]")
_DIGITS = re.compile(r"\+?[0-9]+", re.ASCII)
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_COUNTRY = "86"
_SERVICE = 6  # digits: 110, 12345, 95xxx. Nobody's own number; 120 calls here to hand a citizen over
_NATIONAL = (10, 11)  # digits of an area code without its 0 and a number, or of a mobile (YD/T 1138)
_LOCAL = (7, 8)
_LONGEST = 15  # ITU-T E.164


@dataclass(frozen=True)
class Caller:
    """One number. ``key`` is its keyed hash, ``shown`` its masked form (``138****8000``)."""

    key: str = field(repr=False)
    shown: str


class Callers:
    """``secret`` belongs to the installation: all its processes must have the same, and with another one no
    restriction made before is found. ``area_code`` (``0795``) completes local numbers that come without one.
    """

    def __init__(self, secret: str, area_code: str) -> None:
        if not secret:
            raise ValueError("the hash of callers' numbers needs a secret: without one anybody could try all numbers")
        self._secret = secret.encode()
        self._area_code = area_code

    def find(self, caller: str | None) -> Caller | None:
        """The caller as the carrier gave it (see `ivr.call.CallArrived`); None for a withheld number, a service's
        short number, and what is no telephone number.
        """
        number = None if caller is None else e164(caller, self._area_code)
        if number is None:
            return None
        key = hmac.digest(self._secret, number.encode(), hashlib.sha256).hex()
        return Caller(key, mask_number(_as_dialled(number)))


def e164(caller: str, area_code: str) -> str | None:
    """One form for a number however a carrier writes it: ``+8613800138000``, ``+867951234567``; None when it is none.

    ``+86``, ``0086``, ``86`` and a trunk's ``0`` in front make no difference, nor do blanks and hyphens.
    """
    text = _FILLING.sub("", caller)
    if not _DIGITS.fullmatch(text):
        return None
    if text.startswith("00"):
        text = "+" + text[2:]
    if text.startswith("+"):
        return _international(text[1:])
    if len(text) <= _SERVICE:
        return None
    without_country = text[2:].removeprefix("0")
    if text.startswith(_COUNTRY) and len(text) >= 12 and len(without_country) in _NATIONAL:
        return _international(text)
    if text.startswith("0"):
        return _international(_COUNTRY + text)
    if len(text) in _LOCAL:
        return _international(_COUNTRY + area_code + text)
    return _international(_COUNTRY + text if len(text) in _NATIONAL else text)


def _international(digits: str) -> str | None:
    if digits.startswith(_COUNTRY):
        national = digits[2:].removeprefix("0")
        digits, own = _COUNTRY + national, len(national)
    else:
        own = len(digits)
    return f"+{digits}" if _SERVICE < own <= _LONGEST and not digits.startswith("0") else None


def _as_dialled(number: str) -> str:
    """As people here write it: ``13800138000``, ``07951234567``; foreign numbers with their country."""
    if not number.startswith(f"+{_COUNTRY}"):
        return number
    national = number[3:]
    return national if _MOBILE.fullmatch(national) else f"0{national}"
