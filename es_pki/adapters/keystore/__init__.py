"""The key store: private keys, each under its own data key, wrapped by the master key. Nothing else holds any."""

from es_pki.adapters.keystore.store import KeyEntry, KeyMissing, KeyStore, KeyStoreRefused, KeyTaken, KeyUnreadable

__all__ = ["KeyEntry", "KeyMissing", "KeyStore", "KeyStoreRefused", "KeyTaken", "KeyUnreadable"]
