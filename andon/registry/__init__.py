"""The model registry's contract over gRPC, and the client for it."""
