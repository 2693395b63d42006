"""Flows by the thousand: sound ones, and ones with a fault, as site files; none of it knows the
prover."""
