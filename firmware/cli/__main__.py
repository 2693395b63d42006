"""`python -m firmware.cli` is `careline`."""

from firmware.cli import main

main()
