"""New versions of the box's programs: when one may begin, who signed it, and whether it stays."""
