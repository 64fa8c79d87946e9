"""The pages: the registry for people with a browser, on the registry's own address.

`application` is the way in, `routes` the table of pages, `pages` their handlers: each asks services
what it shows and hands that to a template. `docs/design.md` says how pages look, and why.
"""
