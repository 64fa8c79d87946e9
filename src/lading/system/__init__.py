"""What the operating system gives, made safe to use: threads, durable files, mounts, log files.

Nothing here knows what a registry is.
"""
