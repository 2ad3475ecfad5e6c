"""How a field of the schema says which scope it needs."""

from typing import Any

from strawberry.extensions import FieldExtension
from strawberry.extensions.field_extension import AsyncExtensionResolver
from strawberry.types.field import StrawberryField
from strawberry.types.info import Info


class Needs(FieldExtension):
    """Says which scope a field needs, and refuses the field without it, before anything is asked of anybody."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    def apply(self, field: StrawberryField) -> None:
        """Put the scope into the field's description, so that the explorer shows it."""
        field.description = f"{field.description or ''} Needs the scope `{self.scope}`.".strip()

    async def resolve_async(self, next_: AsyncExtensionResolver, source: Any, info: Info, **kwargs: Any) -> Any:  # noqa: ANN401 - strawberry's signature
        """Refuse, or go on."""
        info.context.identity.demand(self.scope)
        return await next_(source, info, **kwargs)
