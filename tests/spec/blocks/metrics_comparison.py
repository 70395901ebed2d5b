# Compare metrics across runs
from data_versioning import MetricsComparator

comparator = MetricsComparator()

# Show metrics diff
diff = comparator.diff(
    baseline="HEAD~1",
    comparison="HEAD"
)

print(f"Accuracy: {diff['accuracy']:+.2%}")
print(f"F1 Score: {diff['f1']:+.2%}")
