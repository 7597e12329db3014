"""What the handlers work with, and how they reach it."""

from collections.abc import Callable
from datetime import datetime

from aiohttp import web
from msgspec import Struct

from es_pki.adapters.acme.debug.debugger import Debugger
from es_pki.adapters.acme.works import ACME
from es_pki.adapters.backup.scheduled import ScheduledBackups
from es_pki.adapters.checkpoints import Notary
from es_pki.adapters.crls import Publisher
from es_pki.adapters.dns.providers import DNSProviders
from es_pki.adapters.fetching import Fetcher
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.desk import Desk
from es_pki.adapters.lint import SecondOpinion
from es_pki.adapters.ocsp.responder import Responder
from es_pki.adapters.reactions import Runner
from es_pki.adapters.views import Follower, ViewStore
from es_pki.adapters.worker import Workers
from eventlog import Log
from eventlog.tree import Tree


class Parts(Struct, frozen=True):
    """The parts of a running es-pki."""

    log: Log
    tree: Tree
    notary: Notary
    views: ViewStore
    follower: Follower
    runner: Runner
    aggregates: Aggregates
    desk: Desk
    acme: ACME
    debugger: Debugger
    second_opinion: SecondOpinion
    crls: Publisher
    ocsp: Responder
    workers: Workers
    dns: DNSProviders
    fetcher: Fetcher
    backups: ScheduledBackups | None
    now: Callable[[], datetime]


PARTS = web.AppKey("parts", Parts)
