"""Reproducible measurements, each with its baseline in the same run. ``python -m bench`` runs them all."""
