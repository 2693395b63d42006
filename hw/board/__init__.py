"""The machine itself: how warm it is, and the watchdog that starts it anew when it hangs."""
