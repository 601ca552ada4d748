"""The main line of reading: a rendered page to words, a document to a recognition."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extractor.documentcache import DocumentCache
from extractor.einvoice.parse import looks_like_xml
from extractor.measure.cost import Meter, rare_collections
from extractor.ocr import DEFAULT_ENGINE, factory
from extractor.ocr.guard import READ_SECONDS, EngineFailed, call_guarded
from extractor.page.render import RenderedPage, decode_png, encode_png, render
from extractor.page.triage import Limits
from extractor.page.upright import turn_image
from extractor.page.words import page_from_dict, word_to_list
from extractor.recognise import Recogniser, recognise
from extractor.splitting.cuts import ONE
from extractor.splitting.splitter import SEVERAL, built_in
from extractor.stated.reading import MADE_FROM_DATA, NOTHING, Stated, draw_data, read_codes, read_stated
from extractor.wordcache import WordCache
from models.values import Page, Recognition

IN_DOUBT = 0.49  # what values of a file count that may hold several documents


@dataclass(frozen=True)
class ReadPage:
    """A page with its words, and the PNG that their boxes refer to: the upright one that is served."""

    page: Page
    png: bytes
    cpu_seconds: float | None = None  # of the child that read it; None where it was read before


def read_page(
    rendered: RenderedPage,
    engine: str = DEFAULT_ENGINE,
    cache: WordCache | None = None,
    seconds: float = READ_SECONDS,
) -> ReadPage:
    """Words of one page, by its text layer or by `engine` (a key of `ENGINES`), in a child. Raises `EngineFailed`."""
    factory(engine)  # an unknown name is the caller's mistake, not the engine's failure
    layer = {
        "words": [word_to_list(w) for w in rendered.text_layer],
        "turn": rendered.layer_turn,
        "scan": rendered.scan,
    }
    key = cache.key(rendered.png, engine_version(engine), _digest(layer)) if cache else ""
    kept = cache.get(key) if cache else None
    if kept:
        return ReadPage(replace(kept, number=rendered.number), _turned(rendered, kept.rotation))
    header = {"number": rendered.number, "layer": layer}
    answer, turned = call_guarded("extractor.page.words:read_job", engine, header, [rendered.png], seconds)
    try:
        page = page_from_dict(answer)
    except (KeyError, TypeError, ValueError) as error:
        raise EngineFailed(engine, "garbage", str(error)) from error
    if cache:
        cache.put(key, page)
    return ReadPage(page, turned[0] if turned else rendered.png, answer.get("cpu_seconds"))


def _digest(layer: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(layer).encode()).hexdigest() if layer["words"] else ""


def _turned(rendered: RenderedPage, rotation: int) -> bytes:
    return encode_png(turn_image(decode_png(rendered.png), rotation)) if rotation else rendered.png


DISTRIBUTIONS = {"rapidocr": "rapidocr", "tesserocr": "tesserocr", "tesseract": "pytesseract"}


def engine_version(engine: str) -> str:
    """Name and version of an engine, without loading it."""
    if engine not in DISTRIBUTIONS:
        return engine
    return f"{engine}/{importlib.metadata.version(DISTRIBUTIONS[engine])}"


# --- a whole document ---


@dataclass(frozen=True)
class ReadOptions:
    """How documents are read."""

    engine: str = DEFAULT_ENGINE
    renderer: str = "pypdfium2"
    limits: Limits = field(default_factory=Limits)
    cache: Path | None = None  # folder for the words of documents read before
    data: bool = True  # whether e-invoices and payment codes in the file count, or the print alone


@dataclass(frozen=True)
class ReadDocument:
    """The pages of a document, their pictures on demand, and what went wrong with single pages."""

    pages: tuple[Page, ...]
    image_of: Callable[[int], NDArray[np.uint8]]  # page number -> upright picture (BGR)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Extraction:
    """What one document says, and the CPU seconds it took by stage."""

    recognition: Recognition
    pages: tuple[Page, ...]
    problems: tuple[str, ...]
    seconds: dict[str, float]
    part: int = 1  # of how many documents in its file
    parts: int = 1

    @property
    def page_range(self) -> list[int]:
        """Its first and last page, as the file counts them."""
        return [self.pages[0].number, self.pages[-1].number] if self.pages else []


def extract(
    data: bytes,
    recogniser: Recogniser,
    document_type: str | None = None,
    options: ReadOptions | None = None,
    today: date | None = None,
    beside: Mapping[str, bytes] | None = None,
) -> Extraction:
    """The main line for one document without people: draw, read, recognise. Raises `Refusal`.

    `beside` are files that belong to it, by name: an e-invoice that came with a PDF.
    """
    meter = Meter()
    document, stated = _read(data, options, beside, meter)
    return _recognised(document, stated, recogniser, document_type, today, meter)


def extract_documents(
    data: bytes,
    recogniser: Recogniser,
    document_type: str | None = None,
    options: ReadOptions | None = None,
    today: date | None = None,
    beside: Mapping[str, bytes] | None = None,
) -> list[Extraction]:
    """The same for a file that may hold several documents: one each, in order. Raises `Refusal`.

    Where the machine is not sure where they begin, the file stays whole, with no value at half or above and the problem
    `several_documents`. A file that says of itself what it is (an invoice in XML) is one document.
    """
    meter = Meter()
    document, stated = _read(data, options, beside, meter)
    with meter.stage("split"):
        cuts = ONE if stated.document_type else built_in().cuts(document.pages)
    if not (cuts.sure and cuts.starts):
        whole = _recognised(document, stated, recogniser, document_type, today, meter)
        return [whole if cuts.sure else _in_doubt(whole)]
    found = []
    for first, last in cuts.parts(len(document.pages)):
        part = replace(document, pages=document.pages[first - 1 : last])
        stated = read_codes(part.pages) if options is None or options.data else NOTHING
        found.append(_recognised(part, stated, recogniser, document_type, today, meter))
        meter = Meter()
    return [replace(one, part=number, parts=len(found)) for number, one in enumerate(found, start=1)]


def _in_doubt(found: Extraction) -> Extraction:
    """Values of what may be several documents: some are right of one of them, and none of the file."""
    readings = tuple(r.with_confidence(lambda sure: sure * IN_DOUBT) for r in found.recognition.readings)
    recognition = replace(found.recognition, readings=readings)
    return replace(found, recognition=recognition, problems=(SEVERAL, *found.problems))


def _read(
    data: bytes, options: ReadOptions | None, beside: Mapping[str, bytes] | None, meter: Meter
) -> tuple[ReadDocument, Stated]:
    """The words of a file, and what it states otherwise than in print."""
    document = _made_from_data(data) if looks_like_xml(data) else read_document(data, options, meter)
    with meter.stage("stated"):
        return document, read_stated(data, document.pages, beside) if options is None or options.data else NOTHING


def _recognised(
    document: ReadDocument,
    stated: Stated,
    recogniser: Recogniser,
    document_type: str | None,
    today: date | None,
    meter: Meter,
) -> Extraction:
    with meter.stage("recognise"), rare_collections():
        found = recognise(document.pages, recogniser, document_type, document.image_of, today, stated)
    pages = recogniser.reread(document.pages, found.document_type)
    return Extraction(found, pages, (*document.problems, *found.problems), meter.seconds)


def _made_from_data(data: bytes) -> ReadDocument:
    """An e-invoice that came alone, as pages of our own. Raises `Refusal`."""
    drawn = draw_data(data)
    pictures = {page.number: png for page, png in drawn}
    return ReadDocument(tuple(page for page, _ in drawn), cache(lambda n: decode_png(pictures[n])), (MADE_FROM_DATA,))


def read_document(data: bytes, options: ReadOptions | None = None, meter: Meter | None = None) -> ReadDocument:
    """All pages of a file as words. A page whose engine fails has none, and is a problem. Raises `Refusal`."""
    options, meter = options or ReadOptions(), meter or Meter()
    store = DocumentCache(options.cache) if options.cache else None
    settings = (engine_version(options.engine), options.renderer, options.limits)
    kept = store.get(data, *settings) if store else None
    if kept is not None:
        return ReadDocument(kept, pictures_of(lambda: data, options, kept))
    with meter.stage("render"):
        rendered = render(data, options.limits, options.renderer)
    with meter.stage("read"):
        read = [_read_or_blank(page, options.engine) for page in rendered]
    problems = tuple(problem for _, problem in read if problem)
    if store and not problems:
        store.put(data, [page.page for page, _ in read], *settings)
    pngs = {page.page.number: page.png for page, _ in read}
    return ReadDocument(tuple(page.page for page, _ in read), cache(lambda number: decode_png(pngs[number])), problems)


def _read_or_blank(rendered: RenderedPage, engine: str) -> tuple[ReadPage, str]:
    try:
        return read_page(rendered, engine), ""
    except EngineFailed as error:
        blank = Page(rendered.number, rendered.width, rendered.height, (), engine, problems=(error.reason,))
        return ReadPage(blank, rendered.png), f"page {rendered.number} could not be read: {error}"


def pictures_of(
    file: Callable[[], bytes], options: ReadOptions, pages: tuple[Page, ...]
) -> Callable[[int], NDArray[np.uint8]]:
    """Pictures of a document whose words are there already: drawn when the first one is asked for."""
    turns = {page.number: page.rotation for page in pages}

    @cache
    def drawn() -> dict[int, bytes]:
        return {page.number: page.png for page in render(file(), options.limits, options.renderer)}

    return cache(lambda number: turn_image(decode_png(drawn()[number]), turns[number]))
