"""Dialled numbers as transfer tables have them: without punctuation, country code and own area code. Pure."""

import re
import unicodedata

# Dialled without an area code (工信部《电信网编号计划》): short codes of 3 to 6 digits, mobile phones, 400 and 800.
# Anything else behind a country code begins with an area code that has lost its 0.
_WITHOUT_AREA = re.compile(r"1[0-9]{2,5}|9[56][0-9]{3,4}|1[3-9][0-9]{9}|[48]00[0-9]{7}")
_MOBILE = re.compile(r"0(1[3-9][0-9]{9})")
_NOT_DIGITS = re.compile(r"[^0-9]+")


def bare_number(dialled: str, area_code: str) -> str:
    """The number as tables have it. Other cities' area codes stay; what is no number becomes an empty text."""
    plain = dialled if dialled.isascii() else _ascii_digits(dialled)
    digits = plain if plain.isdigit() else _NOT_DIGITS.sub("", plain)
    if "+" in plain and not digits.startswith("00"):
        digits = f"00{digits}"
    if digits.startswith("0086"):
        digits = _national(digits[4:])
    elif digits.startswith("86") and len(digits) > 8:  # local numbers are shorter: a country code without its +
        digits = _national(digits[2:])
    if digits.startswith(area_code) and len(digits) > len(area_code) + 2:
        return digits[len(area_code) :]
    mobile = _MOBILE.fullmatch(digits)
    return mobile[1] if mobile else digits


def _national(digits: str) -> str:
    """What stood behind the country code, as it is dialled within China."""
    significant = digits.lstrip("0")
    return significant if not significant or _WITHOUT_AREA.fullmatch(significant) else f"0{significant}"


def _ascii_digits(text: str) -> str:
    """Full-width and other scripts' digits, brackets and signs as those of ASCII, where there are any."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(str(unicodedata.decimal(each)) if each.isdecimal() else each for each in plain)
