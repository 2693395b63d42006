"""Lamps, buttons and the door's relay on a clinic's wall: on the machine's pins or a USB board."""
