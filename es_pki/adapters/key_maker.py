"""The process that makes RSA keys ahead, at the lowest priority: `python -m es_pki.adapters.key_maker`.

It reads a key type a line from standard input, and answers on standard output with the DER PKCS#8 and the DER
SubjectPublicKeyInfo of a new key, each behind its length in four octets. It ends with its input. The keys go through
a pipe, from memory to memory; this process keeps none.
"""

import os
import sys

from es_pki.adapters.x509.keys import generate
from es_pki.values import KeyType


def main() -> None:
    """Make keys until nobody asks or listens any more."""
    os.nice(19)
    try:
        for line in sys.stdin.buffer:
            made = generate(KeyType(line.decode().strip()))
            for part in (made.pkcs8, made.public_key.spki):
                sys.stdout.buffer.write(len(part).to_bytes(4, "big") + part)
            sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()
