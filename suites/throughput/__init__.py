"""Throughput: what each middleware style costs."""
