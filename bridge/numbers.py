"""Order numbers: made, checked and spelt. A number is the city's prefix, the day, the order's place in that day and a
check digit: ``YC261121000014``, spelt YC261121-00001-4. Reads no table and no clock; `bridge.orders` allots the places.
"""

import re
from datetime import date

_PREFIX = re.compile(r"[A-Z0-9]{0,6}")
_DIGITS = re.compile(r"(?P<day>\d{6})(?P<place>\d{5,6})(?P<check>\d)", re.ASCII)
_FULL_WIDTH = str.maketrans("０１２３４５６７８９－　", "0123456789- ")
_SEPARATORS = re.compile(r"[\s\-_.]+")


class OrderNumberError(ValueError):
    """What was given cannot be an order number. Says why in one sentence."""


def check_digit(digits: str) -> int:
    """The check digit of ISO/IEC 7064 MOD 11,10 (in China: GB/T 17710). It finds every single wrong digit and nearly
    every swap of neighbours, and is a digit itself, so that any telephone can key it in.
    """
    product = 10
    for digit in digits:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10


def make_number(prefix: str, day: date, place: int) -> str:
    """The number of the ``place``-th order (from 1) of a day.

    Five digits of place hold the largest day known (87,000 calls); a day with more goes on with six.
    Raises ValueError for a prefix that is not up to six capital letters and digits, or a place below 1.
    """
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(f"order prefix {prefix!r} must be at most six letters A-Z and digits")
    if not 1 <= place <= 999_999:
        raise ValueError(f"place {place} of an order in its day must be from 1 to 999999")
    digits = f"{day:%y%m%d}{place:05d}"
    return f"{prefix}{digits}{check_digit(digits)}"


def parse_number(text: str, prefix: str) -> str:
    """The order number meant by what somebody typed, keyed in or pasted, in the form that the database keeps.

    Spaces, hyphens, small letters and full-width digits are accepted, and the prefix may be left out.
    Raises `OrderNumberError`.
    """
    compact = _SEPARATORS.sub("", text.translate(_FULL_WIDTH)).upper()
    matches = [_DIGITS.fullmatch(digits) for digits in (compact.removeprefix(prefix), compact)]
    meant = [match for match in matches if match is not None]
    if not meant:
        shape = f"{prefix} and 12 digits" if prefix else "12 digits"
        raise OrderNumberError(f"an order number is {shape}, as in {spell(make_number(prefix, _EXAMPLE, 1), prefix)}")
    for match in meant:
        if check_digit(match[0][:-1]) == int(match["check"]) and _is_day(match["day"]):
            return prefix + match[0]
    raise OrderNumberError("the check digit does not fit: a digit of the order number is wrong or two are swapped")


def spell(number: str, prefix: str) -> str:
    """The number in groups, for the eye and for reading aloud: YC261121-00001-4."""
    match = _DIGITS.fullmatch(number.removeprefix(prefix))
    return f"{prefix}{match['day']}-{match['place']}-{match['check']}" if match else number


def _is_day(digits: str) -> bool:
    try:
        date(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:]))
    except ValueError:
        return False
    return True


_EXAMPLE = date(2026, 11, 21)
