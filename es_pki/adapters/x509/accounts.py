"""The otherNames that es-pki knows: accounts of an Active Directory, and principals of a Kerberos realm."""

from cryptography import x509

from es_pki.adapters.x509.der import UTF8_STRING
from es_pki.adapters.x509.elements import only
from es_pki.adapters.x509.encode import USER_PRINCIPAL_NAME
from es_pki.adapters.x509.kerberos import KERBEROS_PRINCIPAL_NAME, decoded


def account_of(name: x509.OtherName) -> str:
    """Return a user principal name or a Kerberos principal. Raises `ValueError` for other names and what is none."""
    if name.type_id == USER_PRINCIPAL_NAME:
        return only(name.value, UTF8_STRING).decode()
    if name.type_id == KERBEROS_PRINCIPAL_NAME:
        return decoded(name.value)
    raise ValueError("an otherName of a type that isn't known here")
