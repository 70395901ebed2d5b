# Tag important versions
git tag -a v1.0 -m "Production model v1.0"
git push origin v1.0

# Tag data versions
git tag -a data-v1.0 -m "Training dataset v1.0"
