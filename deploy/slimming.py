"""Makes an artifact's modules quicker to load, without changing what they do.

Bytecode is written without docstrings: those of graphql-core alone are 0.7 MB in each process. And graphql-core's 68
classes of syntax nodes are made without `dataclass`, which compiles the same methods for each of them at each start:
25 ms of a cold start (docs/decisions/light-imports.md). A test compares the nodes with graphql-core's own.
"""

import ast
import marshal
import os
import shutil
from hashlib import sha256
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path

UNCHECKED_HASH = 0b01
NODES = "graphql/language/ast.py"
CHANGES = {
    "    return dataclass(frozen=True, kw_only=True, repr=False)(cls)\n": "    return with_node_methods(cls)\n",
    "from dataclasses import dataclass, fields\n": (
        "from dataclasses import fields\n\nfrom .node_methods import with_node_methods\n"
    ),
}
NODE_METHODS = Path(__file__).with_name("node_methods.py")


class SlimmingError(Exception):
    """A module is not as it was when this was written: see what it gains now, and whether it is still needed."""


def plain_nodes(artifact: Path) -> None:
    """Have graphql-core's nodes made with one set of methods for all of them.

    Raises:
        SlimmingError: graphql-core makes its nodes in another way than it did.
    """
    module = artifact / NODES
    text = module.read_text()
    for old, new in CHANGES.items():
        if text.count(old) != 1:
            raise SlimmingError(f"{NODES} has changed")
        text = text.replace(old, new)
    module.write_text(text)
    shutil.copy(NODE_METHODS, module.parent)


def write_bytecode(artifact: Path, shown_in: str, compiled: Path) -> None:
    """Compile every module to bytecode that Python takes without looking at the source, as of the folder `shown_in`.

    The folder `compiled` keeps it for other artifacts: nearly all modules are the same in each, and compiling them is
    most of a build.
    """
    compiled.mkdir(parents=True, exist_ok=True)
    this = Path(__file__).read_bytes() + MAGIC_NUMBER
    for module in artifact.rglob("*.py"):
        source, shown = module.read_bytes(), f"{shown_in}/{module.relative_to(artifact)}"
        kept = compiled / sha256(b"\0".join((this, shown.encode(), source))).hexdigest()
        if not kept.exists():
            unfinished = kept.with_suffix(f".{os.getpid()}")
            unfinished.write_bytes(_bytecode(source, shown))
            unfinished.replace(kept)
        bytecode = Path(cache_from_source(str(module)))
        bytecode.parent.mkdir(exist_ok=True)
        bytecode.write_bytes(kept.read_bytes())


def _bytecode(source: bytes, shown: str) -> bytes:
    code = compile(_without_docstrings(ast.parse(source)), shown, "exec", dont_inherit=True)
    return MAGIC_NUMBER + UNCHECKED_HASH.to_bytes(4, "little") + source_hash(source) + marshal.dumps(code)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    """The module; a decorated class has a full stop for a docstring, since a dataclass without one writes one."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is None:
            continue
        first = node.body[0]
        if isinstance(node, ast.ClassDef) and node.decorator_list:
            node.body[0] = ast.copy_location(ast.Expr(ast.copy_location(ast.Constant("."), first)), first)
        else:
            node.body = node.body[1:] or [ast.copy_location(ast.Pass(), first)]
    return tree
