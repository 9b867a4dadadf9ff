"""What must come out the same beside every release that archtrace allows; tests/versions/matrix.py runs these."""
