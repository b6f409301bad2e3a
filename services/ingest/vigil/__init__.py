"""Keeping watch over the sources themselves: silence, clocks, completeness."""
