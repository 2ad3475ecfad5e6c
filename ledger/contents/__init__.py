"""What is inside report files: `readers/` read them, `opening.py` describes one, `contents.py` answers for the API.

The keeper opens each archived file once. It stores a preview (columns, first rows, counts) and the rows in blocks; the
API reads these and parses no report file.
"""
