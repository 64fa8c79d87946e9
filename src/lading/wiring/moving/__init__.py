"""Registries that move, from the settings: adopted, exported, imported, migrated, restored."""
