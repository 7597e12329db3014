"""Files are written whole or not at all; secrets are for the owner's eyes."""

import pytest

from es_pki.adapters.cli import files
from es_pki.adapters.cli.session import Misused


def test_a_file_is_replaced_as_a_whole(tmp_path):
    target = tmp_path / "www.pem"
    target.write_text("before, and longer")
    files.write(str(target), b"after")
    assert target.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(Misused, match="can't be written"):
        files.write(str(tmp_path / "none" / "www.pem"), b"")


def test_a_secret_is_readable_by_its_owner_only(tmp_path):
    with files.SecretFile(str(tmp_path / "token")) as secret:
        secret.write("s3cret")
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "token").read_text() == "s3cret\n"


def test_a_secret_is_never_written_over_another(tmp_path):
    (tmp_path / "token").write_text("before")
    with pytest.raises(Misused, match="exists"):
        files.SecretFile(str(tmp_path / "token"))
    assert (tmp_path / "token").read_text() == "before"


def test_without_a_secret_there_is_no_file(tmp_path):
    with pytest.raises(RuntimeError), files.SecretFile(str(tmp_path / "token")):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_more_than_a_request_may_hold_is_not_read(tmp_path):
    (tmp_path / "csr").write_bytes(bytes(files.LARGEST_INPUT + 1))
    with pytest.raises(Misused, match="larger"):
        files.read(str(tmp_path / "csr"))
