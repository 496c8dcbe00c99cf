import torch
from torch import nn

torch.manual_seed(5)


class Counter(nn.Module):
    """Counts how many ones a sequence holds."""

    def __init__(self, hidden=24):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, seq):
        out, (h, c) = self.lstm(seq)
        last = out[:, -1, :].detach()
        return self.fc(last)


seqs = (torch.rand(256, 10, 1) > torch.rand(256, 1, 1)).float()
counts = seqs.sum(dim=1) / 10

model = Counter()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
loss_fn = nn.MSELoss()
for epoch in range(200):
    optimizer.zero_grad()
    loss = loss_fn(model(seqs), counts)
    loss.backward()
    optimizer.step()
    if (epoch + 1) % 50 == 0:
        print("epoch", epoch + 1, "loss", loss.item())
