"""DNS as dns-01 needs it (RFC 8555 section 8.4): records that are written, and found at the zone's name servers."""
