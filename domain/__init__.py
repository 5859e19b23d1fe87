"""What the desk is about: one folder a noun, each with its tables, its queries and the only code that changes its state."""
