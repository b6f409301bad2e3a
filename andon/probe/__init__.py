"""One frame sent through a running site, to see that it comes out as a verdict."""
