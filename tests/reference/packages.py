"""The reference packages, with the torch of narabi-train: it is bound to CUDA's functions lazily, that is never, as run.sh
says."""

import os
import sys
from pathlib import Path

sys.setdlopenflags(os.RTLD_LAZY)
import torch  # noqa: E402,F401

sys.setdlopenflags(os.RTLD_NOW)
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
