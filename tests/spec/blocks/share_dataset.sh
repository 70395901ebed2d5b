# Person A: Track and share
dvc add data/dataset.csv
git add data/dataset.csv.dvc
git commit -m "Add dataset"
git push
dvc push

# Person B: Get dataset
git pull
dvc pull
