"""What the artifact's modules do without docstrings, and graphql-core's syntax nodes with our methods, is the same."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.artifact import API, ROOT, built, host_architecture
from deploy.slimming import CHANGES, NODES, SlimmingError, plain_nodes, write_bytecode

pytestmark = pytest.mark.slow  # it needs none of the deploy tools

NODES_TRIED = '''
import copy, dataclasses, json, pickle, sys
from graphql import FieldNode, NameNode, build_schema, parse, print_ast, print_schema, validate
from graphql.language import ast

sdl = open(sys.argv[1]).read()
query = """query Q($a: [Int!] = [1, -2.5, {b: "c", d: null, e: F}], $b: Boolean! = true @skip(if: false)) {
  again: a(x: $a, y: "text") @include(if: $b) { ... on T { b ...F } } }
  fragment F on T @x { c } mutation { m } subscription { s }"""
more = """extend schema @a extend scalar S @a extend type T { a: Int } extend union U = T
  extend enum E { A } extend input I { a: Int }"""
documents = [parse(sdl), parse(query), parse(sdl, no_location=True), parse(more)]


def outcome(act):
    try:
        return repr(act())
    except Exception as error:
        return type(error).__name__


name = NameNode(value="n")
print(json.dumps({
    "trees": [document.to_dict(locations=True) for document in documents],
    "printed": [print_ast(document) for document in documents],
    "equal": [documents[0] == parse(sdl), documents[0] == documents[2], hash(documents[1]) == hash(parse(query))],
    "unlike": [name == NameNode(value="m"), name == "n", name != NameNode(value="n"), len({name, NameNode(value="n")})],
    "copies": [copy.deepcopy(documents[1]) == documents[1], pickle.loads(pickle.dumps(documents[1])) == documents[1]],
    "keys": {kind: [field.name for field in dataclasses.fields(made)] + list(made.keys) + [made.kind]
             for kind, made in vars(ast).items() if isinstance(made, type) and issubclass(made, ast.Node)},
    "defaults": [repr(FieldNode(name=name).alias), repr(FieldNode(name=name)), FieldNode(name=name).directives],
    "refused": [outcome(act) for act in (
        lambda: NameNode(), lambda: NameNode("n"), lambda: NameNode(value="n", other=1), lambda: FieldNode(alias=name),
        lambda: setattr(name, "value", "m"), lambda: delattr(name, "value"), lambda: setattr(name, "new", 1))],
    "schema": print_schema(build_schema(sdl)),
    "invalid": [str(error) for error in validate(build_schema(sdl), parse("{ nothing(a: 1) { b } }"))],
}))
'''


def tried(*packages: Path) -> object:
    """What graphql-core does with its nodes, as it is found in these folders."""
    path = ":".join(map(str, packages))
    ran = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = {path!r}.split(':')\n{NODES_TRIED}", SDL],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


SDL = str(ROOT / "schema" / "schema.graphql")


def test_syntax_nodes_are_what_graphql_core_makes() -> None:
    ours, theirs = tried(built(host_architecture(), API)), tried()
    assert isinstance(ours, dict)
    assert ours == theirs
    assert ours["refused"].count("FrozenInstanceError") == 3
    assert len(ours["keys"]) > 60


def test_a_graphql_core_that_makes_its_nodes_in_another_way_stops_the_build(tmp_path: Path) -> None:
    module = tmp_path / NODES
    module.parent.mkdir(parents=True)
    shutil.copy(built(host_architecture(), API) / NODES, module)  # changed already, as a new version would be
    assert not any(old in module.read_text() for old in CHANGES)
    with pytest.raises(SlimmingError):
        plain_nodes(tmp_path)


def test_bytecode_has_no_docstrings_and_the_same_lines(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    module = tmp_path / "shown.py"
    module.write_text('''"""Gone."""
from __future__ import annotations
import dataclasses, traceback

def only():
    """Gone."""

@dataclasses.dataclass
class Kept:
    """Gone, but not missing."""
    a: int = 1

def fail():
    """Gone.

    All of it.
    """
    text = "stays"
    raise ValueError(text)

print(__doc__, only.__doc__, only(), Kept.__doc__, Kept(), fail.__doc__)
try:
    fail()
except ValueError as error:
    print(error, traceback.extract_tb(error.__traceback__)[-1].lineno)
''')
    write_bytecode(tmp_path, "/var/task", tmp_path_factory.mktemp("compiled"))
    ran = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import shown"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines() == ["None None None . Kept(a=1) None", "stays 19"]


def test_bytecode_that_is_kept_is_that_of_the_same_source_under_the_same_name(tmp_path: Path) -> None:
    texts = {"one/a.py": "A = 1", "two/a.py": "A = 1", "three/a.py": "A = 2", "four/b.py": "A = 1"}
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
        write_bytecode((tmp_path / name).parent, "/var/task", tmp_path / "compiled")
    one, two, three, four = (next((tmp_path / name).parent.rglob("*.pyc")).read_bytes() for name in texts)
    assert one == two
    assert len({one, three, four}) == 3
    assert len(list((tmp_path / "compiled").iterdir())) == 3
