"""Tests mirror the packages; `tests.sandbox` is the simulated outside world, `tests.support` what tests share."""
