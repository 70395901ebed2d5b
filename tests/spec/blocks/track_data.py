from data_versioning import DVCTracker

tracker = DVCTracker(
    project_dir=".",
    remote="storage"
)

# Track dataset
tracker.track_data(
    path="data/training.csv",
    message="Add training dataset v1.0"
)

# Track model
tracker.track_model(
    path="models/yolov8n.pt",
    metrics={"accuracy": 0.95, "f1": 0.93},
    message="Train YOLOv8n model"
)
