"""What keeps the box running: the UPS that a NUT server watches, the temperature, and the machine's
own watchdog."""
