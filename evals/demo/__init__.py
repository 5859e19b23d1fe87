"""The demo: a small business, two customers and the whole story between them, played on a real desk."""
