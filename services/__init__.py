"""One package per service; services share `andon` and never import each other."""
