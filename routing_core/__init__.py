"""The C core and its typed Python face, one module per C file. It knows nothing of clinics."""
