import torch
import torch.nn as nn

torch.manual_seed(5)
x = 40 + 25 * torch.randn(300, 4)
y = ((x[:, 0] - 40) * (x[:, 1] - 40) / 600 + (x[:, 2] - 40) / 25).unsqueeze(1)
x_val, y_val = x[250:], y[250:]
x_train, y_train = x[:250], y[:250]

model = nn.Sequential(
    nn.BatchNorm1d(4), nn.Linear(4, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, 1)
)
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)


def evaluate():
    model.eval()
    with torch.no_grad():
        return criterion(model(x_val), y_val).item()


best = evaluate()
for epoch in range(300):
    optimizer.zero_grad()
    loss = criterion(model(x_train), y_train)
    loss.backward()
    optimizer.step()
    val = evaluate()
    best = min(best, val)
    if epoch % 50 == 0:
        print(epoch, loss.item(), val)
