"""Who is ahead: figures and the page."""
