# Configure HDFS
dvc remote add -d hdfsremote hdfs://namenode:8020/dvc-storage
