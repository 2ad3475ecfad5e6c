"""Readers of report files, one for each kind: bytes in, named columns and rows of text out, in constant memory.

`kinds.py` tells the kind by the first bytes and calls the module. Every reader yields `Sheet`s, one after the other,
and raises a `Refusal` with a reason that holds nothing of the file's cells.
"""
