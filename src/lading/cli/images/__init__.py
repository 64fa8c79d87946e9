"""Images of any registry, as commands look at them: ours by its data, others as their client."""
