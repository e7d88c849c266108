"""Records of runs in other programs: MLflow and TensorBoard."""
