"""An LTE or GSM modem on a serial port: a pure core (`conversation`), the shell that owns the port
(`modem`), its voice (`voice`), and the simulator shipped beside it (`simulator`, `simulated_port`).
"""
