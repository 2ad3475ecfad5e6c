"""Whole answers of a vendor, kept as they came, and how long any stored data is good."""
