# Initialize in Git repo
git init
dvc init

# Configure remote storage
dvc remote add -d storage s3://my-bucket/dvc-storage
dvc remote modify storage region us-west-2

# Or for GCS
dvc remote add -d storage gs://my-bucket/dvc-storage

# Or for Azure
dvc remote add -d storage azure://mycontainer/path
