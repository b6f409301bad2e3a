"""The ground floor of Andon: what every service shares, and the only package meant for other people's code."""
