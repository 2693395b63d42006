"""The clinic's mains and battery, as the UPS tells them, and what is to be done of it."""
