#!/bin/sh
# Takes what Docker's own registry image takes: a configuration file, a command of `registry`, or any program.
set -e

case "${1:-}" in
    *.yml | *.yaml) set -- registry serve "$@" ;;
    *) command -v "${1:-}" >/dev/null || set -- registry "$@" ;;
esac
exec "$@"
