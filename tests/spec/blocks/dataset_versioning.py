# Track evolving dataset
tracker.track_data("data/train_v1.csv", message="Initial 10k samples")
# ... add more data
tracker.track_data("data/train_v2.csv", message="Added 50k samples")
# ... fix labels
tracker.track_data("data/train_v3.csv", message="Fixed label errors")
