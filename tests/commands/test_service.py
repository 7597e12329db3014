"""The rules of services, one sentence each."""

import pytest
from msgspec.structs import replace

from es_pki.commands.certificate import CertificateMissing
from es_pki.commands.certificate import decider as certificate_decider
from es_pki.commands.drift import RecordObservation
from es_pki.commands.lineage import AlreadyDeleted, CertificateInUse, DeleteCertificate, RenameCertificate
from es_pki.commands.reactions import Due, RedeployCertificate, react
from es_pki.commands.refusals import RulesBroken
from es_pki.commands.service import (
    BindCertificate,
    ReconfigureService,
    RegisterService,
    ResumeService,
    RetireService,
    ServiceDone,
    ServiceIsStopped,
    ServiceMissing,
    StopService,
    UnbindCertificate,
    decider,
)
from es_pki.commands.service_kinds import KINDS, changed, installed
from es_pki.commands.usage import BeginUse, EndUse
from es_pki.decider import Guard, RequestReused
from es_pki.events import codec
from es_pki.events.certificate import CertificateDeleted, CertificateIssued, UseBegun, UseEnded
from es_pki.events.happened import Happened
from es_pki.events.service import (
    CertificateBound,
    CertificateUnbound,
    FileForm,
    Installation,
    InstallationAdopted,
    Probe,
    ReloadSignal,
    ServiceFile,
    ServiceKind,
    ServiceObserved,
    ServiceRegistered,
    ServiceResumed,
    ServiceRetired,
    ServiceStopped,
)
from tests.builders import CERTIFICATE_ID, NOW, issue
from tests.spec import Spec, encode

spec = Spec(decider)
certificates = Spec(certificate_decider(encode))

ELSE_ID = "018f0000-0000-7000-8000-000000000009"
SERVICE_ID = "018f0000-0000-7000-8000-000000000007"
NGINX = installed(ServiceKind.WEB_UI, "nginx", "", {})
USE = Guard(f"certificate-{CERTIFICATE_ID}", 2, events=(UseBegun(SERVICE_ID, "nginx"),))

register = RegisterService("nginx", ServiceKind.WEB_UI, NGINX, b"digest")
registered = ServiceRegistered("nginx", ServiceKind.WEB_UI, NGINX, b"digest")
bind = BindCertificate(CERTIFICATE_ID, None, (USE,))
bound = CertificateBound(CERTIFICATE_ID)
retired = ServiceRetired("replaced")
BOUND = registered, bound
SOMETHING = [
    ReconfigureService(Installation()),
    bind,
    UnbindCertificate(()),
]


def test_a_service_is_registered_once():
    spec.when(register).then(registered)
    spec.given(registered).when(register).then_nothing()
    spec.given(registered).when(replace(register, request_digest=b"other")).then_refused(RequestReused)


def test_a_service_owns_its_name():
    (claim,) = decider.reservations(registered, SERVICE_ID)
    assert (claim.stream, claim.event.owner) == ("service_name-nginx", SERVICE_ID)


@pytest.mark.parametrize("name", ["", "a b", "a;b", "$(id)", "../x", SERVICE_ID])
def test_a_service_has_a_plain_name(name):
    spec.when(replace(register, name=name)).then_breaks("name")


@pytest.mark.parametrize("kind", ServiceKind)
def test_what_a_kind_has_by_default_breaks_no_rule(kind):
    installation = installed(kind, "sample", "", {"directory_entry": "cn=sample"})
    spec.when(RegisterService("sample", kind, installation, b"")).events()
    texts = [file.path for file in installation.files] + [installation.link, *installation.reload_command]
    assert not any("{" in text for text in texts)
    assert set(KINDS) == set(ServiceKind)


def test_a_service_lies_in_its_folder_and_overrides_win():
    installation = installed(ServiceKind.REDIS, "cache", "/srv/redis", {"mode": "0640"})
    assert installation.link == "/srv/redis/current"
    assert "/srv/redis/current/key.pem" in installation.reload_command
    assert installation.mode == "0640"


def test_a_signal_takes_the_place_of_the_command_that_reloads_and_the_other_way_round():
    by_signal = installed(ServiceKind.WEB_UI, "www", "", {"reload_signal": ReloadSignal.HUP, "pid_file": "/run/x.pid"})
    assert by_signal.reload_command == ()
    by_command = changed(by_signal, {"reload_command": ("/usr/bin/reload",)})
    assert (by_command.reload_signal, by_command.pid_file) == (ReloadSignal.NONE, "")
    spec.when(replace(register, installation=by_signal)).events()
    spec.when(replace(register, installation=by_command)).events()


def _with(**changes):
    return replace(Installation(), **changes)


KEY = ServiceFile(FileForm.KEY, "/etc/x/key.pem")


@pytest.mark.parametrize(
    ("installation", "fields"),
    [
        (_with(files=(ServiceFile(FileForm.KEY, "key.pem"),)), ["files[0].path"]),
        (_with(files=(ServiceFile(FileForm.KEY, "/etc/../x"),)), ["files[0].path"]),
        (_with(files=(ServiceFile(FileForm.KEY, "/etc/x/"),)), ["files[0].path"]),
        (_with(files=(ServiceFile(FileForm.KEY, "/"),)), ["files[0].path"]),
        (_with(files=(ServiceFile(FileForm.KEY, "//etc/x"),)), ["files[0].path"]),
        (_with(files=(ServiceFile(FileForm.KEY, "/etc/a\nb"),)), ["files[0].path"]),
        (_with(files=(ServiceFile(FileForm.KEY, "/etc/a\0b"),)), ["files[0].path"]),
        (_with(files=(ServiceFile(FileForm.KEY, "/" + "a" * 2000),)), ["files[0].path"]),
        (_with(files=(KEY, KEY)), ["files"]),
        (_with(files=tuple(ServiceFile(FileForm.KEY, f"/etc/{n}") for n in range(9))), ["files"]),
        (_with(files=(KEY,), link="/etc/y"), ["files[0].path"]),
        (_with(link="/etc/x"), ["link"]),
        (_with(files=(ServiceFile(FileForm.PKCS12, "/etc/x.p12"),)), ["passphrase_file"]),
        (_with(mode="0644"), ["mode"]),
        (_with(mode="0666"), ["mode"]),
        (_with(mode="4640"), ["mode"]),
        (_with(owner="root; id"), ["owner"]),
        (_with(group="-x"), ["group"]),
        (_with(test_command=("nginx", "-t")), ["test_command[0]"]),
        (_with(reload_command=("/bin/true", "a\nb")), ["reload_command[1]"]),
        (_with(start_command=("/bin/true",) * 65), ["start_command"]),
        (_with(reload_signal=ReloadSignal.HUP), ["pid_file"]),
        (_with(pid_file="/run/x.pid"), ["pid_file"]),
        (_with(reload_signal=ReloadSignal.HUP, pid_file="x.pid"), ["pid_file"]),
        (
            _with(reload_signal=ReloadSignal.HUP, pid_file="/run/x.pid", reload_command=("/bin/true",)),
            ["reload_signal"],
        ),
        (_with(probe=Probe("localhost")), ["probe.address"]),
        (_with(probe=Probe("localhost:0")), ["probe.address"]),
        (_with(probe=Probe("localhost:65536")), ["probe.address"]),
        (_with(probe=Probe("a b:443")), ["probe.address"]),
        (_with(probe=Probe("", server_name="www.example.test")), ["probe.address"]),
        (_with(probe=Probe("localhost:443", server_name="*.example.test")), ["probe.server_name"]),
        (_with(command_seconds=0), ["command_seconds"]),
        (_with(probe_seconds=601), ["probe_seconds"]),
    ],
)
def test_an_installation_has_rules(installation, fields):
    spec.when(replace(register, installation=installation)).then_breaks(*fields)
    spec.given(registered).when(ReconfigureService(installation)).then_breaks(*fields)


def test_no_rule_repeats_what_stands_in_the_wrong_field():
    fields = {"mode": "s3cret", "owner": "s3cret;", "pid_file": "s3cret", "link": "s3cret", "files": (KEY,)}
    refused = spec.when(replace(register, installation=_with(**fields))).then_refused(RulesBroken)
    assert "s3cret" not in str((refused.detail, refused.violations))


def test_an_installation_is_adopted_when_it_is_another():
    spec.given(registered).when(ReconfigureService(Installation())).then(InstallationAdopted(Installation()))
    spec.given(registered).when(ReconfigureService(NGINX)).then_nothing()


def test_a_certificate_is_bound_and_another_takes_its_place():
    spec.given(registered).when(bind).then(bound)
    other = replace(bind, certificate_id=ELSE_ID, fallback_certificate_id=CERTIFICATE_ID)
    spec.given(*BOUND).when(other).then(CertificateBound(ELSE_ID, CERTIFICATE_ID))


def test_a_certificate_is_no_fallback_for_itself():
    spec.given(registered).when(replace(bind, fallback_certificate_id=CERTIFICATE_ID)).then_breaks(
        "fallback_certificate"
    )


def test_what_the_certificates_say_is_recorded_with_it():
    for command in (bind, UnbindCertificate((USE,)), RetireService("", (USE,))):
        assert decider.guards(command) == (USE,)
    assert decider.guards(register) == ()


def test_a_certificate_is_unbound_and_the_service_retired():
    spec.given(*BOUND).when(UnbindCertificate(())).then(CertificateUnbound(CERTIFICATE_ID))
    spec.given(registered).when(UnbindCertificate(())).then_nothing()
    spec.given(*BOUND).when(RetireService("replaced", ())).then(retired)
    spec.given(*BOUND, retired).when(RetireService("again", ())).then_nothing()
    spec.given(registered).when(RetireService("a\nb", ())).then_breaks("reason")


@pytest.mark.parametrize("command", SOMETHING)
def test_nothing_happens_to_an_unknown_or_retired_service(command):
    spec.when(command).then_refused(ServiceMissing)
    spec.given(registered, retired).when(command).then_refused(ServiceDone)


ISSUED = (*certificates.when(issue()).events(), CertificateIssued(1, b"der"))
BEGUN = UseBegun(SERVICE_ID, "nginx")


def test_a_certificate_knows_who_uses_it():
    certificates.given(*ISSUED).when(BeginUse(SERVICE_ID, "nginx", as_fallback=False)).then(BEGUN)
    certificates.given(*ISSUED, BEGUN).when(BeginUse(SERVICE_ID, "nginx", as_fallback=True)).then(
        replace(BEGUN, as_fallback=True)
    )
    certificates.given(*ISSUED, BEGUN).when(EndUse(SERVICE_ID)).then(UseEnded(SERVICE_ID))
    certificates.given(*ISSUED).when(EndUse(SERVICE_ID)).then_nothing()


def test_a_certificate_that_a_service_uses_is_neither_deleted_nor_gives_up_its_name():
    used = certificates.given(*ISSUED, BEGUN)
    refused = used.when(DeleteCertificate("", ("es-pki itself",))).then_refused(CertificateInUse)
    assert [violation.detail for violation in refused.violations] == ["used by es-pki itself", "used by nginx"]
    used.when(RenameCertificate("web", keeps_former_name=False, used_by=())).then_refused(CertificateInUse)
    certificates.given(*ISSUED, BEGUN, UseEnded(SERVICE_ID)).when(DeleteCertificate("", ())).events()


def test_what_was_deleted_or_never_was_is_not_used():
    use = BeginUse(SERVICE_ID, "nginx", as_fallback=False)
    certificates.given(*ISSUED, CertificateDeleted(("www",))).when(use).then_refused(AlreadyDeleted)
    certificates.when(use).then_refused(CertificateMissing)


def test_a_stopped_service_stands_still_until_it_is_resumed():
    stop, resume = StopService("for now", (USE,)), ResumeService((USE,))
    stopped = ServiceStopped("for now")
    assert decider.guards(stop) == decider.guards(resume) == (USE,)
    spec.given(*BOUND).when(stop).then(stopped)
    spec.given(*BOUND, stopped).when(stop).then_nothing()
    spec.given(*BOUND, stopped).when(resume).then(ServiceResumed(CERTIFICATE_ID))
    spec.given(registered, stopped).when(resume).then(ServiceResumed())
    spec.given(*BOUND).when(resume).then_nothing()
    spec.given(*BOUND, stopped).when(bind).then_refused(ServiceIsStopped)
    spec.given(*BOUND, stopped).when(RecordObservation(ServiceObserved())).then_refused(ServiceIsStopped)
    spec.given(*BOUND, retired).when(stop).then_refused(ServiceDone)
    spec.given(*BOUND).when(replace(stop, reason="two\nlines")).then_breaks("reason")


def test_a_resumed_service_gets_what_it_is_bound_to():
    def effects(event):
        return list(react(Happened(7, "service-sid", 3, NOW, codec.encode(event)[0], "alice", event)))

    assert effects(ServiceResumed("cid")) == [Due(RedeployCertificate("cid", 7), at_once=True)]
    assert effects(ServiceResumed()) == []
