"""The component: scores of tags, and the best legal sequence of them."""
