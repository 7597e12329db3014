"""Benchmarks: each compares with a plain alternative in the same run, and prints ratios."""
