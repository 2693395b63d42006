"""The machine's loudspeakers and microphones: found by name, unplugged at any time, in their own
process."""
