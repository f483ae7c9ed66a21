"""Tests of what estimates are worth on real recordings."""
