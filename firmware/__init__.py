"""The shell: every socket, file, clock and process of CareLine. It carries out what `ivr`
decides."""
