"""The parts of a running bridge. They share one page by one lock, and what they know by `Shared`."""
