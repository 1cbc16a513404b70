"""Draws the rooms of the package and which of them imports which: house.svg

Usage: python docs/development/house.py

The picture is made of the import statements themselves. ``tests/project/test_house.py``
looks whether it is up to date, and whether every arrow points upwards.
"""

import ast
import os
from xml.sax.saxutils import escape

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "lasagne_sparse")
PICTURE = os.path.join(HERE, "house.svg")

#: From the ground up: each room may import those that stand before it.
ROOMS = [
    "version",
    "compat",
    "graph",
    "ops",
    "sparsity",
    "state",
    "rewrites",
    "updates",
    "samplers",
    "objectives",
    "layers",
    "tables",
    "inspection",
    "install",
    "warm",
    "former_paths",
    "__init__",
    "__main__",
]
WIDTH, ROW, LEFT, TOP = 820, 44, 20, 20
BOX = 150


def modules():
    """Yields (dotted name below the package, path) of each module"""
    for folder, folders, files in os.walk(PACKAGE):
        folders.sort()
        for file in sorted(files):
            if file.endswith(".py"):
                path = os.path.join(folder, file)
                name = os.path.relpath(path, PACKAGE)[: -len(".py")]
                yield name.replace(os.sep, "."), path


def imports(name, path):
    """Lists the modules below the package that a module imports, by dotted names"""
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    found, package = [], name.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            base = base + (node.module.split(".") if node.module else [])
            found += [".".join([*base, alias.name]) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").split(".")[0] == "lasagne_sparse":
                found.append(".".join(node.module.split(".")[1:]) or "__init__")
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            found += [
                ".".join(n[1:]) or "__init__" for n in names if n[0] == "lasagne_sparse"
            ]
    return found


def room_of(name):
    """Returns the room that a module is in"""
    first = name.split(".")[0]
    return first if first in ROOMS else "__init__"


def arrows():
    """Returns the set of pairs (room, room that it imports)"""
    return {
        (room_of(name), room_of(other))
        for name, path in modules()
        for other in imports(name, path)
        if room_of(name) != room_of(other)
    }


def summary(room):
    """Returns the first line of a room's docstring"""
    path = os.path.join(PACKAGE, room)
    path = os.path.join(path, "__init__.py") if os.path.isdir(path) else path + ".py"
    with open(path, encoding="utf-8") as file:
        text = ast.get_docstring(ast.parse(file.read()))
    return text.splitlines()[0].replace("``", "")


def drawn():
    """Returns the picture as SVG"""
    rooms = [room for room in ROOMS if room not in ("__init__", "__main__")]
    top = {room: TOP + ROW * k for k, room in enumerate(rooms)}
    height = TOP + ROW * len(rooms)
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" '
        'font-family="sans-serif" font-size="13">' % (WIDTH, height),
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#555"/></marker>'
        "</defs>",
        '<rect width="%d" height="%d" fill="white"/>' % (WIDTH, height),
    ]
    for room in rooms:
        y = top[room]
        lines.append(
            '<rect x="%d" y="%d" width="%d" height="28" rx="4" fill="#eef3fa" '
            'stroke="#446"/>' % (LEFT + 130, y, BOX)
        )
        lines.append(
            '<text x="%d" y="%d" text-anchor="middle" font-weight="bold">%s</text>'
            % (LEFT + 130 + BOX / 2, y + 19, room)
        )
        lines.append(
            '<text x="%d" y="%d" font-size="11" fill="#333">%s</text>'
            % (LEFT + 140 + BOX, y + 18, escape(summary(room)))
        )
    for k, (source, target) in enumerate(sorted(arrows(), key=_length)):
        if source not in top or target not in top:
            continue
        x = LEFT + 130
        y, other = top[source] + 8, top[target] + 20
        bend = x - 16 - 11 * abs(rooms.index(source) - rooms.index(target)) - k % 3
        lines.append(
            '<path d="M%d %d C%d %d %d %d %d %d" fill="none" stroke="#555" '
            'stroke-width="0.9" marker-end="url(#tip)"/>'
            % (x, y, bend, y, bend, other, x, other)
        )
    return "\n".join([*lines, "</svg>", ""])


def _length(arrow):
    source, target = arrow
    return ROOMS.index(source) - ROOMS.index(target), source, target


if __name__ == "__main__":
    with open(PICTURE, "w", encoding="utf-8") as file:
        file.write(drawn())
    print("wrote " + PICTURE)
