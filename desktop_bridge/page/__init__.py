"""The chat page: the only package that knows Playwright, selectors and labels."""
