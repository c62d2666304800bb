"""What MiniStack does differently from AWS, patched: one function per difference."""
