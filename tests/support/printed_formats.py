"""Outputs of training tools, each with the last value and step of its metrics."""

# ruff: noqa: E501  # lines are as long as the tools print them

from __future__ import annotations

FORMATS: dict[str, tuple[str, dict[str, tuple[float, int | None]]]] = {
    "an assignment": ("val_acc=0.63\n", {"val_acc": (0.63, None)}),
    "a colon": ("training\nloss: 0.41\n", {"loss": (0.41, None)}),
    "a percentage": ("Accuracy: 91.2 %\n", {"Accuracy": (91.2, None)}),
    "a sentence": ("test accuracy 0.91\n", {"test accuracy": (0.91, None)}),
    "a final value": ("Final R2 = 0.8731\n", {"R2": (0.8731, None)}),
    "a longer sentence": ("Finished training with test accuracy: 0.91\n", {"test accuracy": (0.91, None)}),
    "several words": (
        "Mean Squared Error: 12.31\nMean Absolute Error: 2.8\nR^2 score: 0.71\nROC AUC: 0.94\nF1 (macro): 0.88\n",
        {
            "Mean Squared Error": (12.31, None),
            "Mean Absolute Error": (2.8, None),
            "R^2 score": (0.71, None),
            "ROC AUC": (0.94, None),
            "F1 (macro)": (0.88, None),
        },
    ),
    "an epoch with blanks": (
        "epoch 1/8 loss 0.61 acc 0.7\nepoch 2/8 loss 0.52 acc 0.8\nepoch 3/8 loss 0.41 acc 0.9\n",
        {"loss": (0.41, 3), "acc": (0.9, 3)},
    ),
    "an epoch with bars": (
        "Epoch: 002/010 | Train Loss: 0.512 | Val Loss: 0.498 | Train Acc: 80.10% | Val Acc: 81.20% | Time: 3.1s\n",
        {"Train Loss": (0.512, 2), "Val Loss": (0.498, 2), "Train Acc": (80.1, 2), "Val Acc": (81.2, 2)},
    ),
    "an epoch in brackets": (
        "[Epoch 5] train_loss=0.1234 val_loss=0.2345 lr=1e-3\n",
        {"train_loss": (0.1234, 5), "val_loss": (0.2345, 5), "lr": (0.001, 5)},
    ),
    "an epoch and a step": (
        "Epoch [1/5], Step [100/600], Loss: 0.5312\nEpoch [2/5], Step [100/600], Loss: 0.3312\n",
        {"Loss": (0.3312, 2)},
    ),
    "an epoch line and metrics below it": (
        "Epoch: 01 | Epoch Time: 0m 10s\n\tTrain Loss: 0.702 | Train Acc: 55.10%\n\t Val. Loss: 0.651 |  Val. Acc: 60.00%\n"
        "Epoch: 02 | Epoch Time: 0m 10s\n\tTrain Loss: 0.602 | Train Acc: 65.10%\n\t Val. Loss: 0.551 |  Val. Acc: 70.00%\n",
        {
            "Train Loss": (0.602, 2),
            "Train Acc": (65.1, 2),
            "Val. Loss": (0.551, 2),
            "Val. Acc": (70.0, 2),
        },
    ),
    "logging": (
        "2024-01-01 10:00:00,123 - INFO - __main__ - Epoch 3 - loss: 0.41 - acc: 0.87\n",
        {"loss": (0.41, 3), "acc": (0.87, 3)},
    ),
    "logging with levels": (
        "INFO:root:epoch=3 loss=0.41\nINFO:root:epoch=4 loss=0.38\n",
        {"loss": (0.38, 4)},
    ),
    "JSON lines": (
        '{"loss": 0.6, "step": 1, "lr": 0.01}\n{"loss": 0.4, "step": 3, "lr": 0.001}\n',
        {"loss": (0.4, 3), "lr": (0.001, 3)},
    ),
    "nested JSON": (
        '{"epoch": 1, "train": {"loss": 0.5}, "val": {"loss": 0.6, "acc": 0.7}}\n',
        {"train.loss": (0.5, 1), "val.loss": (0.6, 1), "val.acc": (0.7, 1)},
    ),
    "final JSON": (
        'loading\n{"accuracy": 0.93, "f1": 0.91, "n_samples": 1000}\n',
        {"accuracy": (0.93, None), "f1": (0.91, None)},
    ),
    "Keras": (
        "Epoch 1/2\n"
        "\r  1/100 [..............................] - ETA: 20s - loss: 2.3026 - accuracy: 0.1250"
        "\r 50/100 [=============>................] - ETA: 0s - loss: 0.9123 - accuracy: 0.7000"
        "\r100/100 [==============================] - 1s 5ms/step - loss: 0.6983 - accuracy: 0.8133"
        " - val_loss: 0.3394 - val_accuracy: 0.9086\n"
        "Epoch 2/2\n"
        "100/100 [==============================] - 0s 4ms/step - loss: 0.2983 - accuracy: 0.9133"
        " - val_loss: 0.1394 - val_accuracy: 0.9586\n",
        {"loss": (0.2983, 2), "accuracy": (0.9133, 2), "val_loss": (0.1394, 2), "val_accuracy": (0.9586, 2)},
    ),
    "Keras without bars": (
        "Epoch 1/5\n1875/1875 - 2s - loss: 0.2965 - accuracy: 0.9141 - 2s/epoch - 1ms/step\n"
        "Epoch 2/5\n1875/1875 - 2s - loss: 0.1422 - accuracy: 0.9577 - 2s/epoch - 993us/step\n",
        {"loss": (0.1422, 2), "accuracy": (0.9577, 2)},
    ),
    "Keras 3": (
        "Epoch 1/2\n"
        "\x1b[1m  1/938\x1b[0m \x1b[37m━━━━━━━━━━━━━━━━━━━━\x1b[0m \x1b[1m10:23\x1b[0m 332ms/step - accuracy: 0.0938 - loss: 2.4100"
        "\x08\x08\x08\x08\x08\x08\x08\r"
        "\x1b[1m938/938\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m3s\x1b[0m 2ms/step"
        " - accuracy: 0.8791 - loss: 0.4203 - val_accuracy: 0.9500 - val_loss: 0.1700 - learning_rate: 0.0010\n",
        {
            "accuracy": (0.8791, 1),
            "loss": (0.4203, 1),
            "val_accuracy": (0.95, 1),
            "val_loss": (0.17, 1),
            "learning_rate": (0.001, 1),
        },
    ),
    "Keras 3 without bars": (
        "Epoch 1/2\n3/3 - 0s - 68ms/step - accuracy: 0.5625 - loss: 0.7177 - val_accuracy: 0.3750 - val_loss: 0.8463\n"
        "Epoch 2/2\n3/3 - 0s - 42ms/step - accuracy: 0.6250 - loss: 0.6745 - val_accuracy: 0.3750 - val_loss: 0.8142\n",
        {"accuracy": (0.625, 2), "loss": (0.6745, 2), "val_accuracy": (0.375, 2), "val_loss": (0.8142, 2)},
    ),
    "Keras evaluate": (
        "Epoch 1/1\n10/10 [==============================] - 1s 5ms/step - loss: 0.5 - accuracy: 0.81\n"
        "313/313 [==============================] - 0s 1ms/step - loss: 0.0755 - accuracy: 0.9763\n",
        {"loss": (0.0755, None), "accuracy": (0.9763, None)},
    ),
    "Lightning": (
        "\rEpoch 0:   1%|          | 10/938 [00:00<00:05, 180.00it/s, v_num=0, train_loss=2.100]"
        "\rEpoch 0: 100%|██████████| 938/938 [00:05<00:00, 181.52it/s, v_num=0, train_loss=0.123, val_loss=0.0981]"
        "\rEpoch 1: 100%|██████████| 938/938 [00:05<00:00, 180.00it/s, v_num=0, train_loss=0.083, val_loss=0.0701]\n",
        {"train_loss": (0.083, 1), "val_loss": (0.0701, 1)},
    ),
    "Lightning with rich": (
        "Total FLOPs: 0                                                                  \n"
        "Epoch 0/1  ━━━━━━━━━━━━━━━━━━ 4/4 0:00:00 • 0:00:00 12.95it/s val_loss: 0.600     \n"
        "Epoch 1/1  ━━━━━━━━━━━━━━━━━━ 2/4 0:00:00 • -:--:-- 12.95it/s val_loss: 0.600     \n"
        "Epoch 1/1  ━━━━━━━━━━━━━━━━━━ 4/4 0:00:00 • 0:00:00 12.95it/s v_num: 0.000      \n"
        "                                                              train_loss_step:  \n"
        "                                                              0.497 val_loss:   \n"
        "                                                              0.503 val_acc:    \n"
        "                                                              0.906             \n"
        "                                                              train_loss_epoch: \n"
        "                                                              0.520             \n"
        "┏━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━┓\n"
        "┃        Test metric        ┃       DataLoader 0        ┃\n"
        "┡━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━┩\n"
        "│         test_acc          │          0.90625          │\n"
        "└───────────────────────────┴───────────────────────────┘\n",
        {
            "val_loss": (0.503, 1),
            "train_loss_step": (0.497, 1),
            "val_acc": (0.906, 1),
            "train_loss_epoch": (0.52, 1),
            "test_acc": (0.90625, None),
        },
    ),
    "Lightning, test": (
        "─────────────────────────────────────────────\n"
        "       Test metric             DataLoader 0\n"
        "─────────────────────────────────────────────\n"
        "        test_acc            0.9824000000953674\n"
        "        test_loss           0.0561123\n"
        "─────────────────────────────────────────────\n",
        {"test_acc": (0.9824000000953674, None), "test_loss": (0.0561123, None)},
    ),
    "Lightning, test with lines": (
        "┏━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━┓\n"
        "┃        Test metric        ┃       DataLoader 0        ┃\n"
        "┡━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━┩\n"
        "│         test_acc          │    0.9101999998092651     │\n"
        "│         test_loss         │    0.3123999834060669     │\n"
        "└───────────────────────────┴───────────────────────────┘\n",
        {"test_acc": (0.9101999998092651, None), "test_loss": (0.3123999834060669, None)},
    ),
    "Lightning, checkpoint": (
        "Epoch 2, global step 2814: 'val_loss' reached 0.08123 (best 0.08123), saving model to "
        "'/home/user/lightning_logs/version_0/checkpoints/epoch=2-val_loss=0.08.ckpt' as top 1\n",
        {"val_loss": (0.08123, 2)},
    ),
    "XGBoost": (
        "[0]\tvalidation_0-logloss:0.54321\tvalidation_1-logloss:0.56789\n"
        "[1]\tvalidation_0-logloss:0.44321\tvalidation_1-logloss:0.46789\n",
        {"validation_0-logloss": (0.44321, 1), "validation_1-logloss": (0.46789, 1)},
    ),
    "XGBoost, cross-validation": (
        "[10]\ttrain-rmse:0.51234+0.01234\ttest-rmse:0.61234+0.02234\n",
        {"train-rmse": (0.51234, 10), "test-rmse": (0.61234, 10)},
    ),
    "LightGBM": (
        "[LightGBM] [Info] Number of positive: 357, number of negative: 212\n"
        "[LightGBM] [Info] [binary:BoostFromScore]: pavg=0.627417 -> initscore=0.521150\n"
        "Training until validation scores don't improve for 50 rounds\n"
        "[10]\tvalid_0's binary_logloss: 0.3451\tvalid_0's auc: 0.9123\n"
        "[20]\tvalid_0's binary_logloss: 0.2451\tvalid_0's auc: 0.9423\n",
        {"valid_0's binary_logloss": (0.2451, 20), "valid_0's auc": (0.9423, 20)},
    ),
    "CatBoost": (
        "Learning rate set to 0.029\n"
        "0:\tlearn: 0.6853769\ttest: 0.6861234\tbest: 0.6861234 (0)\ttotal: 50.1ms\tremaining: 50s\n"
        "100:\tlearn: 0.2853769\ttest: 0.3361234\tbest: 0.3361234 (100)\ttotal: 5.1s\tremaining: 45.2s\n"
        "\nbestTest = 0.3201\nbestIteration = 140\n\nShrink model to first 141 iterations.\n",
        {"learn": (0.2853769, 100), "test": (0.3361234, 100), "best": (0.3361234, 100), "bestTest": (0.3201, None)},
    ),
    "transformers 5": (
        "{'loss': '0.8207', 'grad_norm': '0.8385', 'learning_rate': '6.25e-06', 'epoch': '2'}\n"
        "{'eval_loss': '0.6802', 'eval_accuracy': '0.6094', 'eval_runtime': '0.2273', 'eval_samples_per_second': '281.6',"
        " 'eval_steps_per_second': '35.2', 'epoch': '2'}\n"
        "{'train_runtime': '0.8072', 'train_samples_per_second': '158.6', 'train_steps_per_second': '9.911',"
        " 'train_loss': '0.6803', 'epoch': '2'}\n",
        {
            "loss": (0.8207, 2),
            "grad_norm": (0.8385, 2),
            "learning_rate": (6.25e-06, 2),
            "eval_loss": (0.6802, 2),
            "eval_accuracy": (0.6094, 2),
            "train_loss": (0.6803, 2),
        },
    ),
    "transformers": (
        "{'loss': 0.6312, 'grad_norm': 1.21, 'learning_rate': 3e-05, 'epoch': 0.5}\n"
        "{'loss': 0.4, 'grad_norm': 2.5, 'learning_rate': 5e-05, 'epoch': 1.0}\n"
        "{'eval_loss': 0.3211, 'eval_accuracy': 0.8931, 'eval_runtime': 5.2, 'eval_samples_per_second': 100.1,"
        " 'eval_steps_per_second': 12.5, 'epoch': 1.0}\n"
        "{'train_runtime': 100.01, 'train_samples_per_second': 50.1, 'train_steps_per_second': 3.1,"
        " 'train_loss': 0.51, 'epoch': 1.0}\n",
        {
            "loss": (0.4, 1),
            "grad_norm": (2.5, 1),
            "learning_rate": (5e-05, 1),
            "eval_loss": (0.3211, 1),
            "eval_accuracy": (0.8931, 1),
            "train_loss": (0.51, 1),
        },
    ),
    "transformers with a bar": (
        "\r 33%|███▎      | 500/1500 [01:00<02:00,  8.33it/s]\n{'loss': nan, 'learning_rate': 1e-05, 'epoch': 1.0}\n"
        "\r 66%|██████▋   | 1000/1500 [02:00<01:00,  8.33it/s]",
        {"loss": (float("nan"), 1), "learning_rate": (1e-05, 1)},
    ),
    "transformers, evaluation": (
        "***** eval metrics *****\n  epoch                   =        3.0\n  eval_accuracy           =     0.8578\n"
        "  eval_loss               =     0.4012\n  eval_runtime            = 0:00:02.12\n  eval_samples            =        408\n"
        "  eval_samples_per_second =    192.014\n",
        {"eval_accuracy": (0.8578, None), "eval_loss": (0.4012, None)},
    ),
    "accelerate": (
        "epoch 0: {'accuracy': 0.8431, 'f1': 0.8912}\nepoch 1: {'accuracy': 0.8631, 'f1': 0.9012}\n",
        {"accuracy": (0.8631, 1), "f1": (0.9012, 1)},
    ),
    "ultralytics": (
        "      Epoch    GPU_mem   box_loss   cls_loss   dfl_loss  Instances       Size\n"
        "\r        1/2      2.13G      1.571      3.295      1.345         30        640:  50%|█████     | 4/8 [00:01<00:01,  3.81it/s]"
        "\r        1/2      2.13G      1.471      3.195      1.245         30        640: 100%|██████████| 8/8 [00:02<00:00,  3.81it/s]\n"
        "                 Class     Images  Instances      Box(P          R      mAP50  mAP50-95): 100%|██████████| 4/4 [00:01<00:00,  2.60it/s]\n"
        "                   all        128        929      0.572      0.423      0.507       0.35\n"
        "\n      Epoch    GPU_mem   box_loss   cls_loss   dfl_loss  Instances       Size\n"
        "        2/2      2.13G      1.171      2.995      1.145         21        640: 100%|██████████| 8/8 [00:02<00:00,  3.81it/s]\n"
        "                 Class     Images  Instances      Box(P          R      mAP50  mAP50-95): 100%|██████████| 4/4 [00:01<00:00,  2.60it/s]\n"
        "                   all        128        929      0.672      0.523      0.607       0.45\n",
        {
            "box_loss": (1.171, 2),
            "cls_loss": (2.995, 2),
            "dfl_loss": (1.145, 2),
            "P": (0.672, 2),
            "R": (0.523, 2),
            "mAP50": (0.607, 2),
            "mAP50-95": (0.45, 2),
        },
    ),
    "ultralytics, newer bars": (
        "      Epoch    GPU_mem   box_loss   cls_loss   dfl_loss  Instances       Size\n"
        "        1/3      2.13G      1.171      2.995      1.245         21        640: 100% ━━━━━━━━━━━━ 8/8 3.8it/s 2.1s\n",
        {"box_loss": (1.171, 1), "cls_loss": (2.995, 1), "dfl_loss": (1.245, 1)},
    ),
    "YOLOv5": (
        "      Epoch   gpu_mem       box       obj       cls    labels  img_size\n"
        "       0/2     3.07G   0.04209   0.06256   0.02123       200       640: 100%|██████████| 8/8 [00:03<00:00,  2.31it/s]\n"
        "               Class     Images     Labels          P          R     mAP@.5 mAP@.5:.95: 100%|██████████| 4/4 [00:01<00:00,  2.60it/s]\n"
        "                 all        128        929      0.672      0.523      0.607       0.45\n",
        {
            "P": (0.672, 0),
            "R": (0.523, 0),
            "mAP@.5": (0.607, 0),
            "mAP@.5:.95": (0.45, 0),
            "box": (0.04209, 0),
            "obj": (0.06256, 0),
            "cls": (0.02123, 0),
        },
    ),
    "fastai": (
        "epoch     train_loss  valid_loss  accuracy  time    \n"
        "0         0.352123    0.123456    0.951234  00:12     \n"
        "1         0.252123    0.103456    0.961234  00:11     \n",
        {"train_loss": (0.252123, 1), "valid_loss": (0.103456, 1), "accuracy": (0.961234, 1)},
    ),
    "tqdm": (
        "\r  0%|          | 0/100 [00:00<?, ?it/s]\r 50%|█████     | 50/100 [00:05<00:05,  9.92it/s, loss=0.345, acc=0.81]"
        "\r100%|██████████| 100/100 [00:10<00:00,  9.95it/s, loss=0.245, acc=0.91]\n",
        {"loss": (0.245, 100), "acc": (0.91, 100)},
    ),
    "tqdm with a description": (
        "\rEpoch 1/3:  50%|█████     | 50/100 [00:05<00:05,  9.92it/s, loss=0.6]"
        "\rEpoch 1/3: 100%|██████████| 100/100 [00:10<00:00,  9.95it/s, loss=0.5]\n"
        "\rEpoch 2/3: 100%|██████████| 100/100 [00:10<00:00,  9.95it/s, loss=0.4]\n",
        {"loss": (0.4, 2)},
    ),
    "tqdm with metrics in the description": (
        "\rloss: 0.345 acc: 0.80:  50%|█████     | 50/100 [00:05<00:05,  9.92it/s]\n",
        {"loss": (0.345, 50), "acc": (0.8, 50)},
    ),
    "tqdm after another bar": (
        "\rEpoch 1:   0%|          | 0/100 [00:00<?, ?it/s]\rEpoch 1: 100%|██████████| 100/100 [00:10<00:00,  9.95it/s, loss=0.5]\n"
        "\rval_loss: 0.1234:  50%|█████     | 10/20 [00:05<00:05,  9.92it/s]"
        "\rval_loss: 0.1134: 100%|██████████| 20/20 [00:05<00:00,  9.92it/s]\n",
        {"loss": (0.5, 1), "val_loss": (0.1134, 20)},
    ),
    "tqdm below a line of an epoch": (
        "Epoch 3\n\r 50%|█████     | 50/100 [00:05<00:05,  9.92it/s, loss=0.6]"
        "\r100%|██████████| 100/100 [00:05<00:00,  9.92it/s, loss=0.5]\n",
        {"loss": (0.5, 3)},
    ),
    "tqdm without an end": ("\r50it [00:05,  9.92it/s, loss=0.312]\n", {"loss": (0.312, 50)}),
    "scikit-learn, grid search": (
        "Fitting 5 folds for each of 1 candidates, totalling 5 fits\n"
        "[CV 1/5] END ....................C=1, gamma=0.1;, score=0.912 total time=   0.0s\n"
        "[CV 2/5] END ....................C=1, gamma=0.1;, score=0.932 total time=   0.0s\n",
        {"score": (0.932, 2)},
    ),
    "scikit-learn, MLP": (
        "Iteration 1, loss = 0.70173213\nIteration 2, loss = 0.60173213\n",
        {"loss": (0.60173213, 2)},
    ),
    "scikit-learn, SGD": (
        "-- Epoch 1\nNorm: 1.21, NNZs: 20, Bias: 0.102030, T: 100, Avg. loss: 0.512345\nTotal training time: 0.00 seconds.\n"
        "-- Epoch 2\nNorm: 1.31, NNZs: 20, Bias: 0.112030, T: 200, Avg. loss: 0.412345\nTotal training time: 0.00 seconds.\n",
        {"Avg. loss": (0.412345, 2)},
    ),
    "scikit-learn, gradient boosting": (
        "      Iter       Train Loss   Remaining Time \n         1           1.2800            0.55s\n         2           1.1800            0.51s\n",
        {"Train Loss": (1.18, 2)},
    ),
    "scikit-learn, histogram gradient boosting": (
        "[1/100] 1 tree, 31 leaves, max depth = 9, train loss: 0.35123, val loss: 0.36123, in 0.03s\n"
        "[2/100] 1 tree, 31 leaves, max depth = 9, train loss: 0.25123, val loss: 0.26123, in 0.03s\n",
        {"train loss": (0.25123, 2), "val loss": (0.26123, 2)},
    ),
    "scikit-learn, k-means": (
        "Initialization complete\nIteration 0, inertia 1234.56.\nIteration 1, inertia 934.56.\nConverged at iteration 1: strict convergence.\n",
        {"inertia": (934.56, 1)},
    ),
    "scikit-learn, report": (
        "              precision    recall  f1-score   support\n\n           0       0.95      0.90      0.92        50\n"
        "           1       0.91      0.95      0.93        50\n\n    accuracy                           0.93       100\n"
        "   macro avg       0.93      0.92      0.92       100\nweighted avg       0.93      0.93      0.93       100\n",
        {
            "accuracy": (0.93, None),
            "macro avg precision": (0.93, None),
            "macro avg recall": (0.92, None),
            "macro avg f1-score": (0.92, None),
            "weighted avg precision": (0.93, None),
            "weighted avg recall": (0.93, None),
            "weighted avg f1-score": (0.93, None),
        },
    ),
    "PyTorch MNIST": (
        "Train Epoch: 1 [0/60000 (0%)]\tLoss: 2.300039\nTrain Epoch: 1 [640/60000 (1%)]\tLoss: 1.213470\n"
        "\nTest set: Average loss: 0.0482, Accuracy: 9841/10000 (98%)\n\n",
        {"Loss": (1.21347, 1), "Average loss": (0.0482, None), "Accuracy": (98.0, None)},
    ),
    "PyTorch ImageNet": (
        "Epoch: [0][  10/5005]\tTime  0.412 ( 0.912)\tData  0.000 ( 0.412)\tLoss 6.9123e+00 (7.0123e+00)\tAcc@1   0.39 (  0.12)\tAcc@5   0.78 (  0.60)\n",
        {"Loss": (6.9123, 0), "Acc@1": (0.39, 0), "Acc@5": (0.78, 0)},
    ),
    "PyTorch quickstart": (
        "Epoch 1\n-------------------------------\nloss: 2.301234  [   64/60000]\nloss: 2.291234  [ 6464/60000]\n"
        "Test Error: \n Accuracy: 46.6%, Avg loss: 2.151000 \n\n"
        "Epoch 2\n-------------------------------\nloss: 2.161234  [   64/60000]\nloss: 2.151234  [ 6464/60000]\n"
        "Test Error: \n Accuracy: 56.6%, Avg loss: 1.891000 \n\nDone!\n",
        {"loss": (2.151234, 2), "Accuracy": (56.6, 2), "Avg loss": (1.891, 2)},
    ),
    "PyTorch CIFAR": (
        "[1,  2000] loss: 2.173\n[2,  2000] loss: 1.173\nFinished Training\n"
        "Accuracy of the network on the 10000 test images: 54 %\n",
        {"loss": (1.173, 2), "Accuracy": (54.0, None)},
    ),
    "PyTorch Geometric": (
        "Epoch: 001, Loss: 1.9459, Train: 0.3143, Val: 0.2160, Test: 0.2210\n",
        {"Loss": (1.9459, 1), "Train": (0.3143, 1), "Val": (0.216, 1), "Test": (0.221, 1)},
    ),
    "timm": (
        "Train: 0 [   0/1251 (  0%)]  Loss: 6.94 (6.94)  Time: 1.234s,  106.92/s  (1.234s,  106.92/s)  LR: 1.000e-06  Data: 0.912 (0.912)\n"
        "Train: 0 [  50/1251 (  4%)]  Loss: 6.54 (6.74)  Time: 1.234s,  106.92/s  (1.234s,  106.92/s)  LR: 1.000e-06  Data: 0.912 (0.912)\n",
        {"Loss": (6.54, None)},
    ),
    "detectron2": (
        "[01/02 10:11:12 d2.utils.events]:  eta: 0:10:00  iter: 19  total_loss: 1.212  loss_cls: 0.312  loss_box_reg: 0.212"
        "  time: 0.5123  last_time: 0.5012  data_time: 0.0123  last_data_time: 0.0101   lr: 0.00021  max_mem: 3012M\n",
        {"total_loss": (1.212, 19), "loss_cls": (0.312, 19), "loss_box_reg": (0.212, 19), "lr": (0.00021, 19)},
    ),
    "mmengine": (
        "2023/01/01 10:00:00 - mmengine - INFO - Epoch(train)  [1][  50/7330]  lr: 1.9820e-03  eta: 1 day, 2:03:04  time: 0.4123"
        "  data_time: 0.0212  memory: 3012  loss: 1.3123  loss_cls: 0.4123\n"
        "2023/01/01 11:00:00 - mmengine - INFO - Epoch(val) [1][313/313]    coco/bbox_mAP: 0.3650  coco/bbox_mAP_50: 0.5710  data_time: 0.01\n",
        {
            "lr": (0.001982, 1),
            "loss": (1.3123, 1),
            "loss_cls": (0.4123, 1),
            "coco/bbox_mAP": (0.365, 1),
            "coco/bbox_mAP_50": (0.571, 1),
        },
    ),
    "fairseq": (
        "2021-01-01 10:00:00 | INFO | train | epoch 001 | loss 10.512 | nll_loss 10.112 | ppl 1098.31 | wps 20012.1 | ups 2.51"
        " | wpb 3500.1 | bsz 100.2 | num_updates 500 | lr 6.25e-05 | gnorm 1.212 | train_wall 100 | wall 120\n",
        {"loss": (10.512, 1), "nll_loss": (10.112, 1), "ppl": (1098.31, 1), "lr": (6.25e-05, 1), "gnorm": (1.212, 1)},
    ),
    "Stable-Baselines3": (
        "----------------------------------\n| rollout/           |          |\n|    ep_len_mean     | 21.1     |\n"
        "|    ep_rew_mean     | 23.4     |\n| time/              |          |\n|    fps             | 1021     |\n"
        "|    iterations      | 1        |\n|    time_elapsed    | 2        |\n|    total_timesteps | 2048     |\n"
        "| train/             |          |\n|    value_loss      | 52.3     |\n----------------------------------\n",
        {"rollout/ep_len_mean": (21.1, 2048), "rollout/ep_rew_mean": (23.4, 2048), "train/value_loss": (52.3, 2048)},
    ),
    "Optuna": (
        "[I 2023-01-01 10:00:00,123] Trial 3 finished with value: 0.9123 and parameters: {'x': 1.2, 'lr': 0.01}."
        " Best is trial 2 with value: 0.9201.\n"
        "[I 2023-01-01 10:00:01,123] Trial 4 finished with value: 0.9023 and parameters: {'x': 2.2, 'lr': 0.02}."
        " Best is trial 2 with value: 0.9201.\n",
        {"value": (0.9023, 4)},
    ),
    "spaCy": (
        "E    #       LOSS TOK2VEC  LOSS NER  ENTS_F  ENTS_P  ENTS_R  SCORE \n"
        "---  ------  ------------  --------  ------  ------  ------  ------\n"
        "  0       0          0.00     50.00    0.10    0.05    5.00    0.00\n"
        "  0     200         50.00   1500.00   60.00   61.00   59.00    0.60\n",
        {
            "LOSS TOK2VEC": (50.0, 200),
            "LOSS NER": (1500.0, 200),
            "ENTS_F": (60.0, 200),
            "ENTS_P": (61.0, 200),
            "ENTS_R": (59.0, 200),
            "SCORE": (0.6, 200),
        },
    ),
    "nanoGPT": (
        "step 0: train loss 10.9123, val loss 10.8912\niter 0: loss 10.9812, time 1000.12ms, mfu -100.00%\n"
        "step 250: train loss 2.9123, val loss 2.8912\niter 250: loss 2.9812, time 100.12ms, mfu 12.00%\n",
        {"train loss": (2.9123, 250), "val loss": (2.8912, 250), "loss": (2.9812, 250)},
    ),
    "Megatron": (
        " iteration      100/  500000 | consumed samples: 25600 | elapsed time per iteration (ms): 500.1 | learning rate: 1.000E-05"
        " | global batch size:   256 | lm loss: 9.123456E+00 | loss scale: 1.0 | grad norm: 2.123 | number of skipped iterations:   0 |\n",
        {
            "learning rate": (1e-05, 100),
            "lm loss": (9.123456, 100),
            "loss scale": (1.0, 100),
            "grad norm": (2.123, 100),
        },
    ),
    "TensorFlow estimator": (
        "INFO:tensorflow:loss = 0.31234, step = 100 (0.512 sec)\nINFO:tensorflow:global_step/sec: 200.12\n"
        "INFO:tensorflow:Saving dict for global step 1000: accuracy = 0.9712, global_step = 1000, loss = 0.1012\n",
        {"loss": (0.1012, 1000), "accuracy": (0.9712, 1000)},
    ),
    "ignite": (
        "Training Results - Epoch: 1  Avg accuracy: 0.91 Avg loss: 0.31\n",
        {"Avg accuracy": (0.91, 1), "Avg loss": (0.31, 1)},
    ),
    "SpeechBrain": (
        "epoch: 1, lr: 1.00e+00 - train loss: 3.41 - valid loss: 2.12, valid CER: 10.52, valid WER: 20.31\n",
        {
            "lr": (1.0, 1),
            "train loss": (3.41, 1),
            "valid loss": (2.12, 1),
            "valid CER": (10.52, 1),
            "valid WER": (20.31, 1),
        },
    ),
    "flair": (
        "2023-01-01 10:00:00,123 epoch 1 - iter 10/100 - loss 0.51234 - time (sec): 1.02 - samples/sec: 100.12 - lr: 0.100000\n",
        {"loss": (0.51234, 1), "lr": (0.1, 1)},
    ),
    "PaddlePaddle": (
        "[2021/01/01 10:00:00] ppcls INFO: [Train][Epoch 1/120][Iter: 0/100]lr: 0.10000, top1: 0.51230, CELoss: 1.21234, batch_cost: 0.51234s, ips: 100.12 images/s\n",
        {"lr": (0.1, 1), "top1": (0.5123, 1), "CELoss": (1.21234, 1)},
    ),
    "COCO": (
        " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.365\n"
        " Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.512\n",
        {
            "Average Precision (AP) @[ IoU=0.50:0.95 | area= all | maxDets=100 ]": (0.365, None),
            "Average Recall (AR) @[ IoU=0.50:0.95 | area= all | maxDets=100 ]": (0.512, None),
        },
    ),
    "cost after an iteration": (
        "Cost after iteration 0: 0.693147\nCost after iteration 100: 0.584508\n",
        {"Cost": (0.584508, 100)},
    ),
    "folds": (
        "Fold 1: accuracy 0.912\nFold 2: accuracy 0.923\nMean CV accuracy: 0.918 (+/- 0.006)\n",
        {"accuracy": (0.923, 2), "Mean CV accuracy": (0.918, None)},
    ),
    "numpy and torch values": (
        "epoch 1 loss: tensor(0.4123, grad_fn=<NllLossBackward0>)\naccuracy = np.float64(0.875)\n",
        {"loss": (0.4123, 1), "accuracy": (0.875, None)},
    ),
    "values that are not finite": (
        "step 3: loss=nan grad_norm=inf\n",
        {"loss": (float("nan"), 3), "grad_norm": (float("inf"), 3)},
    ),
    "ranks": (
        "P@1: 0.512\nRecall@5 = 0.712\nNDCG@10: 0.612\nMRR 0.412\n",
        {"P@1": (0.512, None), "Recall@5": (0.712, None), "NDCG@10": (0.612, None), "MRR": (0.412, None)},
    ),
    "a Markdown table": (
        "| epoch | loss | acc |\n|---|---|---|\n| 1 | 0.512 | 0.812 |\n| 2 | 0.412 | 0.862 |\n",
        {"loss": (0.412, 2), "acc": (0.862, 2)},
    ),
    "a name of the user's own": ("done\nquality_index=0.9312\n", {"quality_index": (0.9312, None)}),
    "an own name in steps": ("step 1 my_measure=0.512\nstep 2 my_measure=0.612\n", {"my_measure": (0.612, 2)}),
    "PyTorch language model": (
        "| epoch   1 |   200/ 2983 batches | lr 5.00 | ms/batch 33.46 | loss  8.19 | ppl  3612.45\n"
        "| end of epoch   1 | time: 45.71s | valid loss  6.10 | valid ppl   445.80\n",
        {"lr": (5.0, 1), "loss": (8.19, 1), "ppl": (3612.45, 1), "valid loss": (6.1, 1), "valid ppl": (445.8, 1)},
    ),
    "transformers behind a bar": (
        "\r  0%|          | 10/3750 [00:02<12:00,  5.19it/s]{'loss': 0.5, 'learning_rate': 1e-5, 'epoch': 0.5}\n",
        {"loss": (0.5, 0), "learning_rate": (1e-5, 0)},
    ),
    "ultralytics, classification": (
        "\n      Epoch    GPU_mem       loss  Instances       Size\n"
        "\r\x1b[K        2/2         0G     0.6474          8         32: 100% ━━━━━━━━━━━━ 2/2 73.9it/s 0.0s\n"
        "\r\x1b[K               classes   top1_acc   top5_acc: 100% ━━━━━━━━━━━━ 1/1 185.8it/s 0.0s\n"
        "                   all        0.5          1\n",
        {"loss": (0.6474, 2), "top1_acc": (0.5, 2), "top5_acc": (1.0, 2)},
    ),
    "ultralytics, segmentation": (
        "                 Class     Images  Instances      Box(P          R      mAP50  mAP50-95)     Mask(P          R      mAP50  mAP50-95): 100%|█| 4/4 [00:01<00:00,  2.60it/s]\n"
        "                   all        128        929      0.672      0.523      0.607       0.45      0.612      0.512      0.602      0.412\n",
        {
            "P": (0.672, None),
            "R": (0.523, None),
            "mAP50": (0.607, None),
            "mAP50-95": (0.45, None),
            "Mask P": (0.612, None),
            "Mask R": (0.512, None),
            "Mask mAP50": (0.602, None),
            "Mask mAP50-95": (0.412, None),
        },
    ),
    "MXNet": (
        "Epoch[0] Batch [100]\tSpeed: 1234.5 samples/sec\taccuracy=0.1234\nEpoch[0] Train-accuracy=0.5012\n"
        "Epoch[0] Time cost=12.3\nEpoch[0] Validation-accuracy=0.6012\n",
        {"accuracy": (0.1234, 0), "Train-accuracy": (0.5012, 0), "Validation-accuracy": (0.6012, 0)},
    ),
    "OpenNMT": (
        "[2021-01-01 10:00:00,000 INFO] Step 50/ 1000; acc:  12.34; ppl: 1234.56; xent: 7.12; lr: 0.00001; 1234/1234 tok/s;      12 sec\n",
        {"acc": (12.34, 50), "ppl": (1234.56, 50), "xent": (7.12, 50), "lr": (1e-5, 50)},
    ),
    "scikit-learn, t-SNE": (
        "[t-SNE] Mean sigma: 1.234\n[t-SNE] KL divergence after 250 iterations with early exaggeration: 65.123\n",
        {"KL divergence": (65.123, 250)},
    ),
    "scikit-learn, scorers": (
        "[CV] END .......... accuracy: (test=0.951) f1: (test=0.942) total time=   0.0s\n",
        {"test_accuracy": (0.951, None), "test_f1": (0.942, None)},
    ),
    "Weights & Biases": (
        "wandb: Run summary:\nwandb:       epoch 9\nwandb:        loss 0.1234\nwandb:    accuracy 0.91\n",
        {"loss": (0.1234, None), "accuracy": (0.91, None)},
    ),
    "Kaldi": ("%WER 12.34 [ 123 / 1000, 10 ins, 5 del, 8 sub ]\n", {"WER": (12.34, None)}),
    "tabulate": (
        "  epoch    loss    acc\n-------  ------  -----\n      1   0.512  0.812\n      2   0.412  0.862\n",
        {"loss": (0.412, 2), "acc": (0.862, 2)},
    ),
    "a data frame": (
        "   epoch   loss    acc\n0      1  0.512  0.812\n1      2  0.412  0.862\n",
        {"loss": (0.412, 2), "acc": (0.862, 2)},
    ),
    "AutoGluon": (
        "Fitting model: LightGBM ...\n\t0.8512\t = Validation score   (accuracy)\n\t0.55s\t = Training   runtime\n",
        {"Validation score (accuracy)": (0.8512, None)},
    ),
}
