"""The configuration: Distribution's `config.yml` and `REGISTRY_*` variables, as values.

`loading.load` is the way in, `settings.Settings` is what comes out. Nothing of a configuration is
ever passed over in silence: a key is supported, refused with what to do instead, or warned about.
"""
