# Configure GCS
dvc remote add -d gcsremote gs://my-bucket/dvc-storage
dvc remote modify gcsremote projectname myproject

# Authenticate
export GOOGLE_APPLICATION_CREDENTIALS=/path/to/credentials.json
