"""Asterisk 22 as a carrier, over ARI."""
