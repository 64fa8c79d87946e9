"""Where SQL runs: the databases that `lading.metadata` keeps its rows in, one folder each."""
