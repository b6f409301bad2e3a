"""The simulated machines behind real protocol servers, each a process of its own."""
