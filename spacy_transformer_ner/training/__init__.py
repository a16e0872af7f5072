"""What happens beside the updates of a training: going on after an interruption, and
warnings while there is time."""
