"""A plant in a box: embedded broker and database, simulated machines, a process supervisor, the demo."""
