"""Starts deployments: of what a service is to serve now, asked for by somebody or due because a version has changed."""

import logging
from collections.abc import Sequence

from es_pki.adapters.entropy import derived_uuid
from es_pki.adapters.intake.aggregates import Aggregates, Handled
from es_pki.adapters.intake.deciders import CERTIFICATE, SERVICE
from es_pki.adapters.signing import ACTOR
from es_pki.adapters.x509.formats import fingerprint
from es_pki.commands.deployment import DeploymentRunning, StartDeployment, check_has_fallback, check_is_bound
from es_pki.commands.order import Turn, turn
from es_pki.commands.refusals import NotSignedYet
from es_pki.commands.service import ServiceCommand, State, check_is_there
from es_pki.decider import Guard, Refused
from es_pki.events.service import DeploymentStarted, ServiceEvent

LOG = logging.getLogger("es_pki.deployment")


async def start(
    aggregates: Aggregates,
    service_id: str,
    deployment_id: str,
    *,
    actor: str,
    unless_deployed: bool = False,
    as_fallback: bool = False,
) -> Handled[State, ServiceEvent]:
    """Start the deployment of the bound certificate's current version. Raises `Refused` and `Conflict`.

    `as_fallback`: of its fallback's.
    """

    async def command() -> ServiceCommand:
        state = (await aggregates.load(SERVICE, service_id)).state
        check_is_there(state)
        bound = check_is_bound(state.bound)
        certificate_id = check_has_fallback(bound) if as_fallback else bound.certificate_id
        lineage, version, _ = await aggregates.load(CERTIFICATE, certificate_id)
        served = lineage.served
        if served is None or served.certificate is None:
            raise NotSignedYet(f"no version of the certificate {lineage.name} was issued yet")
        return StartDeployment(
            started=DeploymentStarted(
                deployment_id=deployment_id,
                certificate_id=certificate_id,
                version=served.prepared.version,
                fingerprint=fingerprint(served.certificate),
                public_key_hash=served.prepared.public_key_hash,
                leaves_key=any(file.form.has_key for file in state.installation.files),
                as_fallback=as_fallback,
            ),
            key_is_here=served.prepared.key_id is not None and lineage.has_keys,
            unless_deployed=unless_deployed,
            still_current=Guard(CERTIFICATE.stream(certificate_id), version),
        )

    return await aggregates.handle(SERVICE, service_id, command, actor=actor)


class DeploymentsRunning(Exception):
    """Some services of a certificate have a deployment running, or come after one that has: theirs is started later."""


async def redeploy(aggregates: Aggregates, certificate_id: str, position: int) -> None:
    """Start deployments to the services of a certificate whose current version changed at a position.

    Services that have it, that have nothing to deploy with or that only fall back on it are passed over. Raises
    `DeploymentsRunning` when it is to be tried again.
    """
    lineage = (await aggregates.load(CERTIFICATE, certificate_id, afresh=True)).state
    wanted = fingerprint(lineage.served.certificate or b"") if lineage.served else ""
    users = [service_id for service_id, use in lineage.uses.items() if not use.as_fallback]
    running, left_out = 0, set[str]()
    for service_id, before in await _in_order(aggregates, users):
        awaited = {key for key, state in before.items() if turn(state, certificate_id, wanted) is Turn.AWAITED}
        if awaited - left_out:
            running += 1
            continue
        deployment_id = derived_uuid(f"{certificate_id}-{position}", service_id)
        try:
            await start(aggregates, service_id, deployment_id, actor=ACTOR, unless_deployed=True)
        except DeploymentRunning:
            running += 1
        except Refused as refused:
            left_out.add(service_id)
            told = {"service": lineage.uses[service_id].service, "because": refused.detail}
            LOG.warning("a renewed certificate is not deployed", extra={"fields": told})
    if running:
        raise DeploymentsRunning(f"{running} services have a deployment running")


async def _in_order(aggregates: Aggregates, users: Sequence[str]) -> list[tuple[str, dict[str, State]]]:
    """Return services, each behind those it comes after, which are returned with it by their ids."""
    before = {service_id: await _states_before(aggregates, service_id) for service_id in users}
    ordered: list[tuple[str, dict[str, State]]] = []
    while before:
        ready = [key for key, states in before.items() if not before.keys() & states.keys()]
        ordered += [(key, before.pop(key)) for key in ready or list(before)]
    return ordered


async def _states_before(aggregates: Aggregates, service_id: str) -> dict[str, State]:
    """Return the services that a service comes after, as they stand now."""
    after = (await aggregates.load(SERVICE, service_id, afresh=True)).state.installation.after
    return {key: (await aggregates.load(SERVICE, key, afresh=True)).state for key in after}
