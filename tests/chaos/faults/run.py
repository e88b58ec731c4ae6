"""What the user asks for and gives, up to the model that comes of it: a run without a fault, too."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.chaos.faults.fault import PREFIX, REGISTERED, Fault
from tests.chaos.stand_in import JobPlan
from tests.end_to_end.deployed import Deployed

SPOILT = "dino-data-spoilt"


def nothing(_rng: random.Random) -> Fault:
    """Gate met."""
    return Fault(name="no fault, gate met", ends=frozenset({REGISTERED}))


def two_runs(_rng: random.Random) -> Fault:
    """Test, then full."""
    return Fault(name="no fault, test then full", ends=frozenset({REGISTERED}), request={"preset": "test_then_full"})


def test_run_not_good(_rng: random.Random) -> Fault:
    """The loss of the test run does not fall, which its first minutes or its end show."""
    return Fault(
        name="test run not good enough",
        ends=frozenset({"SUCCEEDED unhealthy", "FAILED FirstMinutesFailed"}),
        request={"preset": "test_then_full"},
        job=JobPlan(loss_rises=True),
    )


def gate_not_met(rng: random.Random) -> Fault:
    """The model is worse than the gate."""
    f1 = rng.choice([0.0, 0.5, 0.79])
    return Fault(name=f"gate not met (F1 {f1})", ends=frozenset({"SUCCEEDED gate_not_met"}), job=JobPlan(f1=f1))


def spoilt_dataset(rng: random.Random) -> Fault:
    """A data set that changed after its preparation."""
    variant = rng.choice(["missing image", "damaged image", "changed annotation", "no manifest", "broken manifest"])
    error = "DatasetMissing" if variant == "no manifest" else "DatasetInvalid"

    def spoil(deployed: Deployed) -> None:
        keys = [key.removeprefix(f"{PREFIX}/") for key in deployed.keys(f"{PREFIX}/")]
        files = {key: deployed.object(f"{PREFIX}/{key}") for key in keys}
        victim = rng.choice(sorted(key for key in files if "/images/" in key))
        if variant == "missing image":
            del files[victim]
        elif variant == "damaged image":
            damaged = bytearray(files[victim])
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
            files[victim] = bytes(damaged)
        elif variant == "changed annotation":
            annotations = json.loads(files["train/annotations.json"])
            rng.choice(annotations["annotations"])["bbox"][rng.randrange(4)] += 1
            files["train/annotations.json"] = json.dumps(annotations).encode()
        elif variant == "no manifest":
            del files["manifest.json"]
        else:
            files["manifest.json"] = files["manifest.json"][: rng.randrange(1, 200)]
        s3 = deployed.session.client("s3")
        for key in deployed.keys(f"{SPOILT}/"):
            s3.delete_object(Bucket=deployed.bucket, Key=key)
        for key, content in files.items():
            deployed.put(f"{SPOILT}/{key}", content)

    return Fault(
        name=f"invalid data set ({variant})",
        ends=frozenset({f"FAILED {error}"}),
        request={"dataset_prefix": SPOILT},
        before=spoil,
    )


def wrong_request(rng: random.Random) -> Fault:
    """A field that no request has, or a value that none may have."""
    requests: list[dict[str, Any]] = [{"presett": "full"}, {"epochs": 0}, {"dataset_prefix": "../x"}, {"spot": "yes"}]
    request = rng.choice(requests)
    return Fault(name=f"wrong request ({request})", ends=frozenset({"FAILED RequestInvalid"}), request=request)


def over_the_cap(_rng: random.Random) -> Fault:
    """The quote is dearer than the request allows."""
    return Fault(
        name="over the cap",
        ends=frozenset({"FAILED QuoteRefused"}),
        request={"epochs": 1000, "max_cost_usd": 0.02},
    )


FAULTS = (
    nothing,
    two_runs,
    test_run_not_good,
    gate_not_met,
    spoilt_dataset,
    wrong_request,
    over_the_cap,
)
