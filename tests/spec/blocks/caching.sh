# DVC cache size
du -sh .dvc/cache

# Clean unused cache
dvc gc --workspace

# Cloud cache for team
dvc cache dir /shared/dvc-cache
