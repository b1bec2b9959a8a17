"""Translations of what the report says: `quarterdeck.pot`, a folder a language. `interfaces.catalogue` keeps them."""
