"""Fields about reports: listing them, scheduling one, and what is inside their files."""
