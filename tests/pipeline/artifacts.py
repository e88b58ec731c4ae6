"""model.tar.gz as SageMaker packs it, of given files."""

import gzip
import io
import json
import tarfile

from training_code.job.health import judge_health

METRICS = json.dumps(
    {"ap": 0.71, "ap50": 0.9, "f1": 0.93, "classes": {"wall": {"f1": 0.95, "ap": 0.8}, "room": {"f1": 0.91}}}
).encode()
HEALTH = json.dumps(judge_health([float(loss) for loss in range(100, 0, -1)], seconds=700, needed_minutes=10)).encode()


def packed(files: dict[str, bytes]) -> bytes:
    """The files in their order."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(stream.getvalue(), mtime=0)
