"""The verbs of a registry. Each takes the registry's parts and a `Grant`, and knows no HTTP."""
