"""Fields about credits: the log, the outcome report, whether the two agree, and exports."""
