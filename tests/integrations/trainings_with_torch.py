"""Trainings with PyTorch of two epochs, each in a run of its name. ``automatic`` uses no callback of Contexta.

With the argument ``by_trainer``: trainings by libraries that extend the trainer of transformers.
"""

# mypy: ignore-errors
# The frameworks are not installed where types are checked.

from __future__ import annotations

import sys
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


WORDS = [" ".join(f"w{(row * 7 + word) % 50}" for word in range(8)) for row in range(32)]
ARGUMENTS = {
    "num_train_epochs": 2,
    "logging_strategy": "epoch",
    "eval_strategy": "epoch",
    "save_strategy": "no",
    "per_device_train_batch_size": 16,
    "use_cpu": True,
    "report_to": "none",
}


def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<pad>", "<eos>", "<unk>", *(f"w{number}" for number in range(50))]
    model = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    model.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=model, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")


def trl_and_peft():
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import GPT2Config, GPT2LMHeadModel
    from trl import SFTConfig, SFTTrainer

    from contexta.integrations.transformers import ContextaCallback

    data = Dataset.from_dict({"text": WORDS})
    SFTTrainer(
        model=GPT2LMHeadModel(GPT2Config(vocab_size=53, n_positions=64, n_embd=16, n_layer=1, n_head=2)),
        args=SFTConfig("out", bf16=False, **ARGUMENTS),
        train_dataset=data,
        eval_dataset=data,
        processing_class=tokenizer(),
        peft_config=LoraConfig(r=4, target_modules=["c_attn"], task_type="CAUSAL_LM"),
        callbacks=[ContextaCallback()],
    ).train()


def sentence_transformers():
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
        losses,
        models,
    )
    from sentence_transformers.evaluation import EmbeddingSimilarityEvaluator
    from transformers import BertConfig, BertModel

    from contexta.integrations.transformers import ContextaCallback

    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=53, **size)).save_pretrained("bert")
    tokenizer().save_pretrained("bert")
    model = SentenceTransformer(modules=[models.Transformer("bert"), models.Pooling(16)], device="cpu")
    scores = [row / len(WORDS) for row in range(len(WORDS))]
    data = Dataset.from_dict({"sentence1": WORDS, "sentence2": WORDS[::-1], "score": scores})
    SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments("out", **ARGUMENTS),
        train_dataset=data,
        eval_dataset=data,
        loss=losses.CosineSimilarityLoss(model),
        evaluator=EmbeddingSimilarityEvaluator(WORDS, WORDS[::-1], scores, name="dev"),
        callbacks=[ContextaCallback()],
    ).train()


if __name__ == "__main__":
    by_trainer = (trl_and_peft, sentence_transformers)
    for training in by_trainer if "by_trainer" in sys.argv else (transformers, keras, lightning, automatic, fabric):
        contexta.init(name=training.__name__)
        training()
