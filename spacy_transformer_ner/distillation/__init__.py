"""Training on texts without labels: a teacher annotates them, and a student learns from it. The
teacher is another pipeline (distillation) or the pipeline itself (self-training)."""
