"""Pure call logic: events and the time come in, commands go out. No socket, file, clock or thread
here."""
