"""OpenMarket, the mobile credits: two CSV reports."""
