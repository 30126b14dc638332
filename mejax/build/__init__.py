"""Spec and design into a model."""

from .linear import build_linear as build_linear
