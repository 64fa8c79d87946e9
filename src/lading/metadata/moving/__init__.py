"""Rows of registries that move: what is taken over, exported, or brought to another database."""
