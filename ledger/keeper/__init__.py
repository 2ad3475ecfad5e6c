"""The scheduled work: settling days, archiving report files, sweeping superseded objects."""
