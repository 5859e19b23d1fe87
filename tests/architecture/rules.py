"""Rules of the house that no linter knows, each a function from a module to the lines that offend.

A line that must break a rule says so, with the rule's name and the reason: `# house: sleep - the server offers nothing to wait on`,
on the line itself or on a line of its own right above. An escape without an offence, or of an unknown rule, is an offence too.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Offences = Iterator[tuple[int, str]]

_ESCAPE = re.compile(r"#\s*house:\s*(?P<rule>[a-z]+)(?:\s*-\s*(?P<reason>\S.{8,}))?")
_MUTABLE_CALLS = frozenset({"dict", "list", "set", "defaultdict", "deque", "Counter", "OrderedDict", "bytearray"})
_MUTABLE = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
_CLOCKS = frozenset({"time", "asyncio"})
_CLOCK_MODULES = (".time", ".asyncio")
_CONSTANT = re.compile(r"_{0,2}[A-Z][A-Z0-9_]*|__\w+__")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its name, why it is there, where it holds (path from the root), and how to find offences."""

    name: str
    why: str
    applies: Callable[[str], bool]
    find: Callable[[ast.Module], Offences]


def offences(rule: Rule, path: str, source: str) -> list[str]:
    """Return what `source`, a module at `path`, does against the rule, escaped lines left out; one sentence each."""
    if not rule.applies(path):
        return []
    escaped = _escaped(rule.name, source)
    tree = ast.parse(source)
    return [f"{path}:{line}: {what} ({rule.name}: {rule.why})" for line, what in rule.find(tree) if line not in escaped]


def idle_escapes(path: str, source: str) -> list[str]:
    """Return escapes in a module at `path` that name no rule, give no reason, or stand where nothing offends."""
    tree = ast.parse(source)
    found: list[str] = []
    for number, line in enumerate(source.splitlines(), 1):
        match = _ESCAPE.search(line)
        if match is None:
            continue
        rule = RULES.get(match["rule"])
        if rule is None:
            found.append(f"{path}:{number}: no rule is called {match['rule']}")
        elif match["reason"] is None:
            found.append(f"{path}:{number}: the escape from {rule.name} gives no reason")
        elif not {number, number + 1} & {hit for hit, _ in rule.find(tree)}:
            found.append(f"{path}:{number}: nothing here breaks {rule.name}")
    return found


def _escaped(rule: str, source: str) -> set[int]:
    lines: set[int] = set()
    for number, line in enumerate(source.splitlines(), 1):
        match = _ESCAPE.search(line)
        if match is not None and match["rule"] == rule and match["reason"] is not None:
            lines |= {number, number + 1} if line.lstrip().startswith("#") else {number}
    return lines


def _calls(tree: ast.Module, *names: str) -> Offences:
    """Find calls of a bare name or of an attribute by its last name, or of `module.name`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if any(called == name or called.endswith(f".{name}") for name in names):
                yield node.lineno, f"{called}(…)"


def _commits(tree: ast.Module) -> Offences:
    for line, what in _calls(tree, "commit"):
        if "." in what.removesuffix("(…)"):
            yield line, what


def _http(tree: ast.Module) -> Offences:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute | ast.alias):
            name = (
                node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else node.name
            )
            if name == "HTTPException":
                yield node.lineno, name


def _identity(tree: ast.Module) -> Offences:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            for argument in arguments:
                if argument.arg in {"tenant_id", "user_id", "tenant", "user"}:
                    yield argument.lineno, f"{node.name}({argument.arg})"


def _sleeps(tree: ast.Module) -> Offences:
    yield from _calls(tree, "asyncio.sleep", "time.sleep", "anyio.sleep")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in {"asyncio", "time", "anyio"}:
            for alias in node.names:
                if alias.name == "sleep":
                    yield node.lineno, f"from {node.module} import sleep"


def _state(tree: ast.Module) -> Offences:
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield from _kept(target.id, node.value, node.lineno)
        elif (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.value is not None
            and ("Final" not in ast.unparse(node.annotation) or _empty(node.value))
        ):
            yield from _kept(node.target.id, node.value, node.lineno)
    for inner in ast.walk(tree):
        if isinstance(inner, ast.Global):
            yield inner.lineno, f"global {', '.join(inner.names)}"


def _kept(name: str, value: ast.expr, line: int) -> Offences:
    mutable = isinstance(value, _MUTABLE) or (
        isinstance(value, ast.Call) and ast.unparse(value.func).split(".")[-1] in _MUTABLE_CALLS
    )
    if mutable and (_empty(value) or not _CONSTANT.fullmatch(name)):
        yield line, f"{name} can change"


def _empty(value: ast.expr) -> bool:
    """An empty collection at module level is there to be filled, whatever it is called."""
    match value:
        case ast.Dict(keys=[]) | ast.List(elts=[]):
            return True
        case ast.Call(args=[], keywords=[]):
            return True
        case _:
            return False


def _clocks(tree: ast.Module) -> Offences:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("setattr") and node.args:
            target = ast.unparse(node.args[0]).strip("'")
            if target in _CLOCKS or target.rpartition(".")[0].endswith(_CLOCK_MODULES):
                yield node.lineno, f"setattr({target}, …)"


def _docstrings(tree: ast.Module) -> Offences:
    if tree.body and ast.get_docstring(tree) is None:
        yield 1, "module without a docstring"
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None:
            yield node.lineno, f"{node.name} without a docstring"


def _shipped(path: str) -> bool:
    return not path.startswith("tests/")


RULES = {
    rule.name: rule
    for rule in (
        Rule(
            "commit", "only the unit of work commits", lambda p: _shipped(p) and not p.startswith("core/db/"), _commits
        ),
        Rule(
            "http",
            "errors know their status, only api/ knows HTTP",
            lambda p: _shipped(p) and not p.startswith("api/"),
            _http,
        ),
        Rule(
            "identity",
            "who asks comes from the deps, never from an argument",
            lambda p: p.startswith("tools/"),
            _identity,
        ),
        Rule("sleep", "wait for what happens, not for time to pass", _shipped, _sleeps),
        Rule(
            "interrupt",
            "the graph ends at a stored draft",
            lambda p: p.startswith("graph/"),
            lambda tree: _calls(tree, "interrupt"),
        ),
        Rule(
            "clock",
            "turning the clock of the process stops every timer of its event loop; replace the name `time` in one module",
            lambda p: p.startswith("tests/"),
            _clocks,
        ),
        Rule("state", "state lives in objects that are built at start-up", _shipped, _state),
        Rule(
            "docstring",
            "what is public says what it does",
            lambda p: _shipped(p) and not p.startswith("domain/migrations/versions/"),
            _docstrings,
        ),
    )
}
