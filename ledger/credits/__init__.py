"""The credit log by UTC day (rows, rollups, summaries) and the outcome report."""
