"""Estimate the activity of hand muscles from camera views of a pianist's hands."""

__version__ = '0.1.0'
