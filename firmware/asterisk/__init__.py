"""Everything that speaks Asterisk's language; its words are used nowhere else."""
