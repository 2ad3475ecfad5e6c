"""Whole answers of a vendor, stored as they came, and how long any stored data is good."""
