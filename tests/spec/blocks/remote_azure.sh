# Configure Azure
dvc remote add -d azureremote azure://mycontainer/path
dvc remote modify azureremote account_name myaccount
dvc remote modify azureremote connection_string "..."
