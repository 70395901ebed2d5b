# Configure S3
dvc remote add -d s3remote s3://my-bucket/dvc-storage
dvc remote modify s3remote region us-west-2
dvc remote modify s3remote profile myprofile

# Or with credentials
dvc remote modify s3remote access_key_id YOUR_ACCESS_KEY
dvc remote modify s3remote secret_access_key YOUR_SECRET_KEY
