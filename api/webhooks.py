"""Telling an endpoint that a job has ended: signed, so that it can be believed, and again until it is taken.

The message follows Standard Webhooks (standardwebhooks.com): ``webhook-signature`` is ``v1,`` and the base64
of HMAC-SHA256 over ``ID.TIMESTAMP.BODY``, with the first two from ``webhook-id`` and ``webhook-timestamp``.
"""

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from api.errors import RefusedError
from api.outbound import Outbound
from api.records import Deliveries, Job, JobRecords

log = logging.getLogger(__name__)

PAUSES_SECONDS: Final = (0.0, 5.0, 30.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0)
"""How long is waited before each try: eight over some eighteen hours."""


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Sends the messages."""

    records: JobRecords
    deliveries: Deliveries
    outbound: Outbound
    secret: bytes | None
    """None: nothing can be signed, so nothing is sent."""

    def check(self, url: str) -> None:
        """See that messages can be sent there.

        Raises:
            RefusedError: they cannot be signed, or the address is not one we would call.
        """
        if self.secret is None:
            raise RefusedError(
                422, "webhooks_disabled", "this server has no SCENELINE_WEBHOOK_SECRET to sign with"
            )
        self.outbound.check(url)

    def deliver(self, job_id: str, tried: int) -> bool:
        """Send once, as it was tried so often before; whether nothing is left to do. Every try is remembered."""
        job = self.records.look_up(job_id)
        if job is None or job.webhook is None:
            return True
        error = self._send(job, job.webhook)
        pause_seconds = PAUSES_SECONDS[tried + 1] if tried + 1 < len(PAUSES_SECONDS) else None
        self.deliveries.note(job_id, job.round, tried + 1, error, pause_seconds)
        if error is not None:
            log.warning("webhook not taken", extra={"job": job_id, "reason": error, "tries": tried + 1})
        return error is None

    def _send(self, job: Job, url: str) -> str | None:
        """Why it was not taken; None if it was."""
        if self.secret is None:
            return "this server has no SCENELINE_WEBHOOK_SECRET to sign with"
        message = {
            "type": f"timeline.{job.status}",
            "data": {"id": job.id, "status": job.status, "links": {"self": f"/v1/timelines/{job.id}"}},
        }
        body = json.dumps(message, separators=(",", ":")).encode()
        headers = signed_headers(self.secret, f"{job.id}.{job.round}", int(time.time()), body)
        try:
            status = self.outbound.post(url, body, headers)
        except RefusedError as refusal:
            return str(refusal)
        return None if 200 <= status < 300 else f"answered with status {status}"


def signed_headers(secret: bytes, message_id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """The headers that let the receiver check who sent this and when."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }
