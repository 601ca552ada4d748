"""Forms whose fields are not known beforehand: read by name, as text."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

Form = dict[str, str]


async def read_form(request: Request) -> Form:
    """Every field that is not a file; of several with one name the last."""
    return {name: value for name, value in (await request.form()).multi_items() if isinstance(value, str)}


AnyForm = Annotated[Form, Depends(read_form)]
