"""A YAML file as plain data together with the line of everything in it."""

from typing import Any, NamedTuple

import yaml

from shared_schema.problems import Problem

FILE_BYTES_MAX = 2_000_000  # the default checklist has 41 KB
NODES_MAX = 200_000  # aliases of aliases can make a small file enormous
_MERGE = "tag:yaml.org,2002:merge"


class Written(NamedTuple):
    """What a file says, and where."""

    file: str
    data: Any
    root: yaml.Node | None

    def line(self, path: tuple[str | int, ...]) -> int:
        """The line (from 1) of a path, or of the nearest thing around it that exists."""
        node, line = self.root, 1
        for step in path:
            found = None if node is None else _child(node, step)
            if found is None:
                break
            key, node = found
            line = key.start_mark.line + 1
        return line


def read_yaml(content: bytes, file: str) -> Written:
    """The data of a YAML file. Raises file_invalid with the line: no YAML, a key twice, too big."""
    if len(content) > FILE_BYTES_MAX:
        raise _invalid(file, 1, f"文件超过 {FILE_BYTES_MAX} 字节 / over {FILE_BYTES_MAX} bytes")
    try:
        loader = yaml.SafeLoader(content)
        try:
            root = loader.get_single_node()
            if root is not None:
                _examine(root, file)
            data = None if root is None else loader.construct_document(root)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as err:
        mark = err.problem_mark or err.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise _invalid(file, line, f"不是有效的 YAML：{err.problem} / not valid YAML: {err.problem}") from err
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as err:
        raise _invalid(file, 1, f"不是有效的 YAML / not valid YAML: {str(err)[:200]}") from err
    except RecursionError as err:
        raise _invalid(file, 1, "嵌套过深 / nested too deeply") from err
    # Composed again, because constructing resolves merge keys inside the nodes and loses their lines.
    return Written(file, data, yaml.compose(content, Loader=yaml.SafeLoader))


def _invalid(file: str, line: int, cure: str) -> Problem:
    return Problem("file_invalid", file=file, line=line, column="YAML", cure=cure)


def _examine(root: yaml.Node, file: str) -> None:
    """Refuses keys that stand twice in one mapping, files that contain themselves, and enormous ones."""
    seen = 0
    work: list[tuple[yaml.Node, tuple[int, ...]]] = [(root, ())]
    while work:
        node, above = work.pop()
        seen += 1
        line = node.start_mark.line + 1
        if seen > NODES_MAX:
            raise _invalid(file, line, "内容过多 / too much content")
        if id(node) in above:
            raise _invalid(file, line, "别名指向自身 / an alias contains itself")
        inside = (*above, id(node))
        if isinstance(node, yaml.SequenceNode):
            work += [(one, inside) for one in node.value]
        elif isinstance(node, yaml.MappingNode):
            _no_key_twice(node, file)
            work += [(one, inside) for pair in node.value for one in pair]


def _no_key_twice(node: yaml.MappingNode, file: str) -> None:
    """YAML readers silently keep the last; a checklist must not lose an item's points that way."""
    taken: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
            continue
        if key.value in taken:
            said = f"“{key.value}”写了两次，删去一个 / “{key.value}” stands twice: remove one"
            raise _invalid(file, key.start_mark.line + 1, said)
        taken.add(key.value)


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The key node (of a list the entry itself) and the value under a step, through merge keys."""
    if isinstance(node, yaml.SequenceNode):
        if isinstance(step, int) and 0 <= step < len(node.value):
            return node.value[step], node.value[step]
        return None
    if not isinstance(node, yaml.MappingNode):
        return None
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE and key.value == str(step):
            return key, value
    for key, value in node.value:
        if key.tag == _MERGE:
            for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                found = _child(merged, step)
                if found is not None:
                    return found
    return None
