"""What a method is for once it is found: new tasks, bad contexts, resampling, anomalies. It leads to no reward.

Rewards, executors and the search import nothing of this package, so no judge can enter them (`lint-imports` checks it).
"""
