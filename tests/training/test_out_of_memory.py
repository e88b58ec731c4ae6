"""A sound file that memory lacks for is not called damaged, whoever reads it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import safetensors.torch
import torch

from dataset_contract.out_of_memory import is_out_of_memory
from training_code.job.checkpoints import save_checkpoint

MIB = 2**20
READ_WITH_LITTLE_MEMORY = """
import json, resource, sys
from pathlib import Path

import safetensors.torch, torch

from prediction.torch_model import load_model
from training_code.dino.checkpoint_loading import read_weights
from training_code.job.checkpoints import load_newest_checkpoint

folder = Path(sys.argv[1])
readers = {
    "checkpoint": lambda: load_newest_checkpoint(folder / "checkpoints", print),
    "weights.pth": lambda: read_weights(folder / "weights.pth"),
    "weights.safetensors": lambda: read_weights(folder / "weights.safetensors"),
}
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 20 * 2**20,) * 2)
said = {}
for name, read in readers.items():
    try:
        read()
    except Exception as error:
        said[name] = f"{type(error).__name__}: {error}"
print(json.dumps(said))
"""


def test_a_sound_file_is_not_called_damaged(tmp_path: Path) -> None:
    weights = {"weight": torch.zeros(16 * MIB)}
    save_checkpoint(tmp_path / "checkpoints", 1, weights)
    torch.save(weights, tmp_path / "weights.pth")
    safetensors.torch.save_file(weights, tmp_path / "weights.safetensors")
    command = [sys.executable, "-c", READ_WITH_LITTLE_MEMORY, str(tmp_path)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    [line] = printed.splitlines()  # none of a damaged file
    said = json.loads(line)
    assert said.keys() == {"checkpoint", "weights.pth", "weights.safetensors"}
    for sentence in said.values():
        assert is_out_of_memory(RuntimeError(sentence)), said
        assert "damaged" not in sentence, said
