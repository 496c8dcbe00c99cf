import torch
from torch import nn

torch.manual_seed(0)


class SequenceModel(nn.Module):
    def __init__(self, hidden_size=24):
        super().__init__()
        self.rnn = nn.LSTM(1, hidden_size, batch_first=True)
        self.linear = nn.Linear(hidden_size, 1)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.linear(out[:, -1])


wave = torch.sin(torch.arange(0, 40, 0.1))
window = 20
X = torch.stack([wave[i : i + window] for i in range(300)]).unsqueeze(-1)
Y = torch.stack([wave[i + window] for i in range(300)]).unsqueeze(-1)

model = SequenceModel()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(80):
    optimizer.zero_grad()
    loss = criterion(model(X), Y)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
print(loss.item())
