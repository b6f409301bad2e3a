"""Andon beside plain Faust, Quix Streams and bare loops: the same three jobs on the same topics in the same run."""
