# Version 1
tracker.track_data("data/v1/train.csv", message="Initial dataset")

# Version 2 (add more samples)
tracker.track_data("data/v2/train.csv", message="Add 10k samples")

# Version 3 (fix labels)
tracker.track_data("data/v3/train.csv", message="Fix label errors")

# Switch between versions
tracker.checkout_version(tag="v1.0")
