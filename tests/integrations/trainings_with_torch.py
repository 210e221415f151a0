"""Trainings with PyTorch of two epochs, each in a run of its name. ``automatic`` uses no callback of Contexta."""

# mypy: ignore-errors
# The frameworks are not installed where types are checked.

from __future__ import annotations

import warnings

import torch

import contexta

warnings.simplefilter("ignore")
torch.manual_seed(0)
X = torch.randn(64, 4)
y = (X[:, 0] > 0).long()


def batches():
    return torch.utils.data.DataLoader(list(zip(X, y, strict=True)), batch_size=16)


def loss_of(model, batch):
    inputs, labels = batch
    return torch.nn.functional.cross_entropy(model(inputs), labels)


def keras():
    import keras

    from contexta.integrations.keras import ContextaCallback

    model = keras.Sequential([keras.layers.Dense(2, activation="softmax")])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy")
    callback = ContextaCallback()
    model.fit(X.numpy(), y.numpy(), epochs=2, validation_split=0.25, callbacks=[callback])
    model.evaluate(X.numpy(), y.numpy(), callbacks=[callback])


def transformers():
    from transformers import Trainer, TrainingArguments

    from contexta.integrations.transformers import ContextaCallback

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(4, 2)

        def forward(self, inputs, labels=None):
            logits = self.linear(inputs)
            return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}

    rows = [{"inputs": inputs, "labels": label} for inputs, label in zip(X, y.tolist(), strict=True)]
    arguments = TrainingArguments(
        "out",
        num_train_epochs=2,
        logging_strategy="epoch",
        eval_strategy="epoch",
        save_strategy="no",
        per_device_train_batch_size=16,
        use_cpu=True,
    )
    trainer = Trainer(
        model=Model(), args=arguments, train_dataset=rows, eval_dataset=rows, callbacks=[ContextaCallback()]
    )
    trainer.train()
    trainer.evaluate()


def lightning(**options):
    from lightning.pytorch import LightningModule, Trainer

    class Module(LightningModule):
        def __init__(self, lr=0.01):
            super().__init__()
            self.save_hyperparameters()
            self.linear = torch.nn.Linear(4, 2)

        def training_step(self, batch):
            loss = loss_of(self.linear, batch)
            self.log("train_loss", loss, on_step=True, on_epoch=True, prog_bar=True)
            return loss

        def validation_step(self, batch):
            self.log("val_loss", loss_of(self.linear, batch), prog_bar=True)

        def test_step(self, batch):
            self.log("test_loss", loss_of(self.linear, batch))

        def on_fit_end(self):
            for logger in self.loggers:  # as programs do that know their own loggers
                logger.experiment.add_scalar("seen", 1.0, 0)

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)

    if not options:
        from contexta.integrations.lightning import ContextaLogger

        options = {"logger": ContextaLogger()}
    module = Module()
    trainer = Trainer(max_epochs=2, accelerator="cpu", log_every_n_steps=2, **options)
    trainer.fit(module, batches(), batches())
    trainer.test(module, batches())


def automatic():
    lightning(logger=True)


def fabric():
    from lightning.fabric import Fabric
    from lightning.fabric.loggers import CSVLogger

    fabric = Fabric(accelerator="cpu", devices=1, loggers=[CSVLogger(".")])
    fabric.launch()
    linear = torch.nn.Linear(4, 2)
    model, optimizer = fabric.setup(linear, torch.optim.Adam(linear.parameters()))
    for step, batch in enumerate(fabric.setup_dataloaders(batches())):
        loss = loss_of(model, batch)
        fabric.backward(loss)
        optimizer.step()
        fabric.log("loss", loss, step=step)


if __name__ == "__main__":
    for training in (transformers, keras, lightning, automatic, fabric):
        contexta.init(name=training.__name__)
        training()
