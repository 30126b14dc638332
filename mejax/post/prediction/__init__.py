"""Predictions, simulations and curves: what a fit says about rows of a table."""
