"""Listings of reports, the archive of their files, and scheduling a report once."""
