"""The machine's devices, the real driver and its fake side by side. It knows nothing of calls."""
