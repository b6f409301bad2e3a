"""What the chart is made and tested with."""
