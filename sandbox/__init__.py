"""A plant in a box: embedded broker and database, simulated machines, a process supervisor, the demo."""

import os

# gRPC's handlers run in a forked child until it becomes another program, and crash it when threads are at work in
# gRPC; the embedded database is started by such forks. Nothing here forks for any other end, so that nothing needs
# them. It is read when grpc is imported, so it must be said before.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
