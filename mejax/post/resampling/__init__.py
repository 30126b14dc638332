"""Profiles and bootstraps."""
