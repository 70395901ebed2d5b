# Reproduce exact experiment
git checkout experiment-branch
dvc checkout
dvc repro
