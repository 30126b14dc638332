"""Tests of hypotheses about what was estimated, and functions of it."""
