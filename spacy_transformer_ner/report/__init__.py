"""What is read after training: one page, and the history that it draws."""
