"""What a changed plant model would make of frames that came lately: `andon plant check --against`."""
