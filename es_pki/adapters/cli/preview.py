"""What would be made, and all that speaks against it: `--preview` of the verbs that make certificates."""

from collections.abc import Mapping

from es_pki.adapters.cli import files, show
from es_pki.adapters.cli.session import Session
from es_pki.adapters.intake.requests import Request


def show_preview(session: Session, request: type[Request], further: Mapping[str, object]) -> int:
    """Show what a command would make; status 1 when it would make nothing."""
    answer = session.preview(request, further)
    certificate, pem, findings = answer["certificate"], answer["certificate_pem"], answer["findings"]
    if session.arguments.output is not None and isinstance(pem, str):
        files.write(session.arguments.output, pem.encode())
    if session.wants_json:
        show.print_json(answer)
    else:
        if isinstance(certificate, dict):
            show.print_fields(certificate)
        show.print_table(FINDINGS, findings if isinstance(findings, list) else [])
        show.note("it would be made" if answer["would_be_made"] else "it would not be made")
    return 0 if answer["would_be_made"] else 1


FINDINGS: list[show.Column] = [
    ("BY", lambda row: row["by"]),
    ("RULE", lambda row: row["rule"]),
    ("SOURCE", lambda row: row["source"]),
    ("FIELD", lambda row: row["field"]),
    ("DETAIL", lambda row: row["detail"]),
]
