"""X.509 as bytes: to-be-signed certificates, signatures, CSRs, and the forms in which programs take certificates."""
