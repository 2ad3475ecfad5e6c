"""What is inside report files: `readers/` open them, `opening.py` describes one, `stored.py` answers from what it kept.

The keeper opens each archived file once. It stores a preview (columns, first rows, counts) and the rows in blocks; the
API reads these and parses no report file.
"""
