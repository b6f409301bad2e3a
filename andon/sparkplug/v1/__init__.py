"""Generated from `proto/andon/sparkplug/v1`; `make proto` makes it again."""
