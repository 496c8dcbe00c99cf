import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(0)
np.random.seed(0)
series = np.sin(np.arange(400) * 0.2) + 0.05 * np.random.randn(400)
window = 15
X = np.stack([series[i : i + window] for i in range(len(series) - window)])
Y = series[window:]
X = torch.tensor(X, dtype=torch.float32).unsqueeze(-1)
Y = torch.tensor(Y, dtype=torch.float32).unsqueeze(-1)
X_train, Y_train = X[:300], Y[:300]
X_test, Y_test = X[300:], Y[300:]


class Forecast(nn.Module):
    def __init__(self, hidden=20):
        super().__init__()
        self.rnn = nn.LSTM(input_size=1, hidden_size=hidden, batch_first=True)
        self.linear = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.linear(out[:, -1])


model = Forecast()
loss_function = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(80):
    model.train()
    optimizer.zero_grad()
    loss = loss_function(model(X_train), Y_train)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if epoch % 20 == 0:
        model.eval()
        with torch.no_grad():
            print(epoch, loss.item(), loss_function(model(X_test), Y_test).item())
