"""Whole calls: `hotline serve` as its users run it, on the real switch, Redis and database, with the outside world."""
