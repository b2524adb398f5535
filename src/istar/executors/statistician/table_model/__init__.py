"""What the statistician believes of a table: a Gaussian process over arms and replicates."""
