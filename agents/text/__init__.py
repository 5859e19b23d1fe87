"""How texts are read without a model: words, sentences, facts, questions, and the units of a passage. Pure functions and data."""
