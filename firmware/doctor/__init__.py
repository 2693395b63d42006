"""The line doctor: a line and the box itself, measured and told in colours with the cure."""
