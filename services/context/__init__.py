"""Raw frames in, frames with plant context, units and quality marks out."""
