import torch
import torch.nn as nn

torch.manual_seed(2)
x = torch.unsqueeze(torch.linspace(-3, 3, 180), dim=1)
y = 2 * x.pow(2) - 3


class Net(nn.Module):
    def __init__(self, n_feature, n_hidden, n_output):
        super(Net, self).__init__()
        self.hidden = nn.Linear(n_feature, n_hidden)
        self.predict = nn.Linear(n_hidden, n_output)

    def forward(self, x):
        x = torch.tanh(self.hidden(x))
        x = torch.sigmoid(self.predict(x))
        return x


net = Net(n_feature=1, n_hidden=30, n_output=1)
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
loss_func = nn.MSELoss()

for t in range(700):
    prediction = net(x)
    loss = loss_func(prediction, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if t % 100 == 0:
        print('loss', loss.data.numpy())
