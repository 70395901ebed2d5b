# Run full pipeline
dvc repro

# Run specific stage
dvc repro train

# Run with different params
dvc repro -P train.epochs=200

# Show pipeline DAG
dvc dag
