"""What the model says of tables of readings, without Hotpath, a line each: `python plain.py WEIGHTS < TABLES`.

An empty line stands between two tables.
"""

import json
import sys

import numpy
import torch

weights = {name: value.numpy() for name, value in torch.load(sys.argv[1], weights_only=True).items()}
for table in sys.stdin.read().strip().split("\n\n"):
    readings = numpy.loadtxt(table.splitlines(), delimiter=",", ndmin=2) / [100.0, 1.0]
    mean = numpy.tanh(readings @ weights["each.weight"].T + weights["each.bias"]).mean(axis=0)
    logits = mean @ weights["all.weight"].T + weights["all.bias"]
    sound, worn = numpy.exp(logits) / numpy.exp(logits).sum()
    print(json.dumps({"state": "worn" if worn > sound else "sound", "shares": {"sound": sound, "worn": worn}}))
