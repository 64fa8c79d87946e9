"""What collecting garbage costs, and whom it disturbs: `python -m bench.collection`."""
