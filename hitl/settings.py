"""Every setting of the product, with its meaning and default. Read from environment variables COUNTERSIGN_<NAME>."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator may set. Lists of what they do per document type live in a policy, not here."""

    model_config = SettingsConfigDict(env_prefix="COUNTERSIGN_", extra="ignore", frozen=True)

    data_dir: Path = Field(Path("data"), description="Folder for blobs, models and the embedded database.")
    database_url: str | None = Field(
        None, description="Any PostgreSQL 15 or newer, as a URL. Unset: a server is started in the data folder."
    )
    postgres_dir: Path | None = Field(
        None,
        description="Folder of the embedded database. Unset: data_dir/postgres; as root, one in /var/lib/countersign.",
    )
    database_pool: int = Field(
        10, ge=1, description="Database connections that one process keeps; so many requests are at work at a time."
    )
    lock_seconds: float = Field(5.0, gt=0, description="Time that a request waits for a lock or a connection.")
    statement_seconds: float = Field(30.0, gt=0, description="Time that one statement of a request may take.")
    idle_seconds: float = Field(60.0, gt=0, description="Time that a request may do nothing within a transaction.")
    requests_waiting: int = Field(
        600, ge=0, description="Requests that wait in one process; more are answered 503 with Retry-After at once."
    )
    waiting_seconds: float = Field(20.0, gt=0, description="Time that a request waits to be worked on, then 503.")
    blob_url: str | None = Field(
        None, description="Where blobs live: s3://, gs:// or az:// URL, or a folder. Unset: data_dir/blobs."
    )
    host: str = Field("127.0.0.1", description="Address the web server listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port the web server listens on.")
    public_url: str = Field("http://127.0.0.1:8000", description="Address under which people reach the server.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    log_format: Literal["text", "json"] = Field("text", description="How lines of the log are written: text or json.")

    max_bytes: int = Field(50_000_000, ge=1, description="Largest upload that is taken in, in bytes.")
    max_pages: int = Field(200, ge=1, description="Most pages of one document.")
    max_pixels: int = Field(60_000_000, ge=1, description="Most pixels of one page.")
    render_memory_mb: int = Field(2048, ge=128, description="Memory that opening one upload may take.")
    render_seconds: float = Field(120.0, gt=0, description="Time that opening and drawing one upload may take.")
    renderer: str = Field("pypdfium2", description="What draws PDF pages: pypdfium2 or pdf2image.")
    ocr_engine: str = Field("auto", description="How pages are read: auto, or the name of one engine.")
    read_seconds: float = Field(180.0, gt=0, description="Time that reading one page may take.")
    recognise_seconds: float = Field(300.0, gt=0, description="Time that recognising one document may take.")

    worker_jobs: int = Field(4, ge=1, description="Jobs that one worker process has in hand at a time.")
    worker_children: int = Field(
        max(1, (os.cpu_count() or 2) - 1), ge=1, description="Child processes of one worker for the CPU work."
    )
    heartbeat_seconds: float = Field(5.0, gt=0, description="How often a worker says that it is alive.")
    alive_file: Path | None = Field(
        None, description="A file that a worker touches with each heartbeat, for probes. Unset: none."
    )
    stalled_seconds: float = Field(30.0, gt=0, description="Silence after which a worker counts as lost.")
    attempts: int = Field(3, ge=1, description="Failures (exceptions, dead children) before a document is failed.")
    lost_workers: int = Field(10, ge=1, description="Lost workers before a document is failed: perhaps it kills them.")
    retry_seconds: float = Field(
        5.0, ge=0, description="Wait before the first retry; each further wait is three times as long."
    )

    jobs_kept_days: float = Field(7, gt=0, description="Days after which finished jobs are deleted from the database.")

    certify_share: float = Field(
        0.5, ge=0, le=1, description="Share of document groups whose labels certify; at least half while warming up."
    )
    certify_newer: bool = Field(
        True,
        description="A document also certifies the models older than itself, whatever its group: certificates come "
        "twice as soon. False: the groups of `certify_share` alone certify, and the others are checked less.",
    )
    select_share: float = Field(0.1, ge=0, le=1, description="Share of document groups that choose between models.")

    webhook_allow_private: bool = Field(
        False, description="Allow webhooks to loopback and private addresses: for development only."
    )
    webhook_ports: tuple[int, ...] = Field(
        (80, 443, 8080, 8443), description="Ports that webhooks may be sent to, as a JSON list."
    )
    webhook_jobs: int = Field(8, ge=1, description="Webhook deliveries at once of one worker, beside its documents.")
    webhook_seconds: float = Field(10.0, gt=0, description="Time that one webhook delivery may take.")
    webhook_attempts: int = Field(10, ge=1, description="Attempts at one webhook delivery before it is given up.")

    min_training_documents: int = Field(
        10, ge=2, description="Labelled training documents of a type before a model of it is trained."
    )
    retrain_after: int = Field(
        50,
        ge=0,
        description="New or corrected training documents of a type after which it is trained again by itself. "
        "Its first model needs `min_training_documents`. 0: only by hand.",
    )
    retrain_days: int = Field(
        0, ge=0, description="Days after which a type with anything new is trained again in any case. 0: never."
    )
    gate_floor: float = Field(
        0.5, ge=0, le=1, description="Accuracy that the first model of a document type must reach for sure."
    )

    lease_seconds: int = Field(300, ge=10, description="How long a task stays with the person it was handed to.")
    web_session_hours: int = Field(12, ge=1, description="Hours after which a person signs in again.")


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process; `settings.cache_clear()` reads the environment anew."""
    return Settings()
