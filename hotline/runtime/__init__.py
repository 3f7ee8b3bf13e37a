"""The programs the hotline stands on (Asterisk, Redis, espeak-ng, SIPp, PostgreSQL), kept inside the checkout.

Everything here but `postgres` runs with the machine's bare Python and its standard library, before any
virtual environment exists. It never needs root and never writes outside `<checkout>/.runtime`.
"""
