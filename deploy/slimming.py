"""Makes an artifact's modules quicker to load, without changing what they do.

Bytecode is written without docstrings: those of graphql-core alone are 0.7 MB in each process. And graphql-core's 68
classes of syntax nodes are made without `dataclass`, which compiles the same methods for each of them at each start:
25 ms of a cold start (docs/decisions/light-imports.md). A test compares the nodes with graphql-core's own.
"""

import ast
import marshal
import shutil
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


def write_bytecode(artifact: Path, shown_in: str) -> None:
    """Compile every module to bytecode that Python takes without looking at the source, as of the folder `shown_in`."""
    for module in artifact.rglob("*.py"):
        source = module.read_bytes()
        tree = _without_docstrings(ast.parse(source))
        code = compile(tree, f"{shown_in}/{module.relative_to(artifact)}", "exec", dont_inherit=True)
        header = MAGIC_NUMBER + UNCHECKED_HASH.to_bytes(4, "little") + source_hash(source)
        bytecode = Path(cache_from_source(str(module)))
        bytecode.parent.mkdir(exist_ok=True)
        bytecode.write_bytes(header + marshal.dumps(code))


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
