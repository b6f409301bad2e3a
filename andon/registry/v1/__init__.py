"""Generated from `proto/andon/registry/v1`; `make proto` makes it again."""
