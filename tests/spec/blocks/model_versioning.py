# Version model with metadata
tracker.track_model(
    path="models/resnet50_v1.pt",
    metrics={
        "accuracy": 0.95,
        "f1": 0.94,
        "inference_time_ms": 15
    },
    params={
        "architecture": "resnet50",
        "pretrained": True,
        "epochs": 100
    },
    tags=["production", "v1.0"]
)
