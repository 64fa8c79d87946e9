"""The `lading` command. Each file is one command; `main` lists them."""
