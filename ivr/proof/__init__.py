"""The prover's parts, a family of rules each. `ivr.check` is their face."""
