"""What people look at in a browser, and the jobs that find it out; pages alone call these."""
