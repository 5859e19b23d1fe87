"""Peers that benchmarks measure beside WAXOS, each run as a process of its own."""
