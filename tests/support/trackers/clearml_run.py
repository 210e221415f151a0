"""Log a task to ClearML offline, below the directory of the variable CLEARML_CACHE_DIR."""

from clearml import Task  # type: ignore[import-not-found]  # it is only in the environment that runs this script

Task.set_offline(True)
task = Task.init(project_name="credit-risk", task_name="february", tags=["baseline"], auto_resource_monitoring=False)
task.connect({"lr": 0.01, "model": {"depth": 6}, "api_key": "Zq8vT2mXw4Lr9sKd"})
task.set_comment("before the upgrade")
logger = task.get_logger()
for step in range(20):
    logger.report_scalar("loss", "loss", 1 / (step + 1), step)
    logger.report_scalar("val", "accuracy", 0.5 + step / 50, step)
logger.report_single_value("best", 0.91)
print("training of the february run")
task.close()
