from data_versioning import PipelineManager

pipeline = PipelineManager(pipeline_file="dvc.yaml")

# Run entire pipeline
results = pipeline.run()

# Run specific stage
pipeline.run_stage("train")

# Reproduce pipeline
pipeline.reproduce()
