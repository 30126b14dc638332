"""Margins, contrasts and pairwise comparisons."""
