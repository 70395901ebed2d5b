# Track large dataset
tracker = DVCTracker()

# Add to DVC (creates .dvc file)
tracker.add("data/imagenet.tar.gz")

# Commit metadata to Git
tracker.commit("Add ImageNet dataset")

# Push data to S3 (large file)
tracker.push()

# Others can pull with:
# dvc pull data/imagenet.tar.gz.dvc
