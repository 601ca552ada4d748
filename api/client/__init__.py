"""The Python client of API v1: `Client` and `AsyncClient` send the calls that `api.client.calls` makes, with types.

from api.client import Client, calls

with Client("https://countersign.example", key) as client:
    sent = client.send(calls.upload("invoice.pdf", document_type="invoice"))
    document = client.wait(sent.id)
    print(document.fields["total"].value)
"""

from __future__ import annotations

from api.client import calls
from api.client.calls import Call
from api.client.clients import AsyncClient, Client
from api.client.errors import ApiError, NotReachable, WrongSignature
from api.client.webhooks import verify_webhook

__all__ = ["ApiError", "AsyncClient", "Call", "Client", "NotReachable", "WrongSignature", "calls", "verify_webhook"]
