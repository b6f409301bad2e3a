"""What the benches measure, each in a process of its own."""
