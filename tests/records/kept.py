"""What lies in a results folder, and in its quarantine."""

import json

import numpy as np

SAMPLES = {"samples": np.arange(6, dtype=np.float32).reshape(3, 2)}


def quarantined(store):
    """The reasons in quarantine, by the file that was moved."""
    notes = [json.loads(path.read_text()) for path in (store.root / "quarantine").glob("*.reason.json")]
    return {note["file"]: note["reason"] for note in notes}


def below(store, folder):
    return sorted(path.name for path in (store.root / folder).iterdir())
