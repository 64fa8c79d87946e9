"""Lists, figures and events: what people look at, and what is counted for them."""
