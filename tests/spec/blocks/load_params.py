# Load and use parameters
from data_versioning import load_params

params = load_params("params.yaml")

model = train_model(
    epochs=params["train"]["epochs"],
    batch_size=params["train"]["batch_size"]
)
