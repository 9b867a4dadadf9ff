"""Drawing: the path as Graphviz draws it, and the cone, as SVG that is safe to stand anywhere."""

from archtrace_reports.formats.drawing.path_svg import Drawing, path_drawing

__all__ = ["Drawing", "path_drawing"]
