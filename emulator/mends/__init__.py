"""What MiniStack does differently from AWS, mended: one function per difference."""
