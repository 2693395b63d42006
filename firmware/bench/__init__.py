"""What `careline bench` measures: always beside a peer in the same run, with both figures shown."""
