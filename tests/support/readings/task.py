"""Whether a machine is worn, by readings of its temperature and vibration. `python task.py SEED` trains weights.pt."""

import csv
import io
import sys
from pathlib import Path

import numpy
from hotpath.tasks.own import InputError, OwnTask


class Task(OwnTask):
    """From a table of readings, one a line, to the state of the machine."""

    types = ("text/csv",)
    remedy = "Send 1 to 64 lines such as 61.5,0.02 (degrees Celsius, then g) as text/csv."

    def read(self, body, kind, options):
        """(readings, 2)"""
        try:
            rows = [[float(value) for value in row] for row in csv.reader(io.StringIO(body.decode()))]
            readings = numpy.array(rows, "float32")
        except ValueError as error:
            raise InputError(400, "no_readings", f"The body is no table of readings: {error}.", self.remedy) from error
        return (readings,)

    def describe(self, outputs):
        """The likelier of the two, and how likely each is."""
        sound, worn = outputs[0].tolist()
        return {"state": "worn" if worn > sound else "sound", "shares": {"sound": sound, "worn": worn}}


def network(weights=None):
    """From readings (batch, 64, 2) and how many of them there are (batch,) to shares (batch, 2)."""
    import torch

    class Readings(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.each = torch.nn.Linear(2, 8)
            self.all = torch.nn.Linear(8, 2)

        def forward(self, readings, lengths):
            there = torch.arange(readings.shape[1])[None, :, None] < lengths[:, None, None]
            scaled = readings / torch.tensor([100.0, 1.0])
            mean = (torch.tanh(self.each(scaled)) * there).sum(1) / lengths[:, None]
            return self.all(mean).softmax(1)

    made = Readings()
    if weights is not None:
        made.load_state_dict(torch.load(weights, weights_only=True))
    return made


def train(seed):
    """Machines that shake by more than half a g are worn."""
    import torch

    torch.manual_seed(seed)
    lengths = torch.randint(1, 65, (512,))
    shaking = torch.rand(512)
    readings = torch.stack((40 + 50 * torch.rand(512, 64), (shaking[:, None] + 0.1 * torch.randn(512, 64)).abs()), 2)
    worn = (shaking > 0.5).long()
    made = network()
    optimizer = torch.optim.Adam(made.parameters(), lr=0.03)
    for _ in range(40):
        optimizer.zero_grad()
        torch.nn.functional.nll_loss(made(readings, lengths).log(), worn).backward()
        optimizer.step()
    torch.save(made.state_dict(), Path(__file__).with_name("weights.pt"))


if __name__ == "__main__":
    train(int(sys.argv[1]))
