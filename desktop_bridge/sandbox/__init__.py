"""A local page that behaves like today's WhatsApp Web, to practise, demo and test the bridge without a phone."""
