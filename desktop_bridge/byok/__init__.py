"""The owner's own AI key: sealed on this computer, used from this computer, and shown to nobody else."""
