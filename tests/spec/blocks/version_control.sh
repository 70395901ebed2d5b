# Track data file
dvc add data/training.csv

# Commit .dvc file to Git
git add data/training.csv.dvc data/.gitignore
git commit -m "Add training data v1.0"

# Push data to remote
dvc push

# Pull data from remote
dvc pull

# Checkout specific version
git checkout v1.0
dvc checkout
