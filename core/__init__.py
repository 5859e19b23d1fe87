"""The kernel: everything that knows no chat."""
