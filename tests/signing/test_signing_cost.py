"""What checking a signature costs a service, and that it asks nobody."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.signing.people import APPROVER, People, new_bundle

#: Checks a bundle in a fresh process: modules before, seconds and memory (peak, bytes) of it, hosts that were asked.
PROBE = """
import json, resource, sys, time
from pathlib import Path
OUTGOING = {"socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname"}
asked = []
sys.addaudithook(lambda event, _: asked.append(event) if event in OUTGOING else None)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

from andon.signing import Role, Trust
heavy = sorted({"model_signing", "sigstore", "OpenSSL"} & set(sys.modules))
small, large, trust, signatures = map(Path, sys.argv[1:])
trust = Trust.load(trust)
trust.verify(small, (signatures / "small").read_bytes(), Role.APPROVER)
before, start = peak(), time.perf_counter()
trust.verify(large, (signatures / "large").read_bytes(), Role.APPROVER)
taken = time.perf_counter() - start
print(json.dumps({"heavy": heavy, "asked": asked, "memory": peak() - before, "seconds": taken}))
"""
MIB = 2**20


def test_a_large_bundle_is_checked_as_a_stream_by_local_keys_alone(tmp_path: Path) -> None:
    people = People.at(tmp_path / "people")
    small, large = new_bundle(tmp_path / "small"), tmp_path / "large"
    large.mkdir()
    (large / "manifest.json").write_text("{}")
    with (large / "model.onnx").open("wb") as file:
        file.truncate(200 * MIB)
    for name, bundle in (("small", small), ("large", large)):
        (people.folder / name).write_bytes(people.signer("paul").sign(bundle, APPROVER))
    trust = people.write({"keys": people.keys})
    command = [sys.executable, "-c", PROBE, str(small), str(large), str(trust), str(people.folder)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert found["heavy"] == [], "imported only when something is signed or checked"
    assert found["asked"] == []
    assert found["memory"] < 16 * MIB
