"""Results as text and HTML: a description goes in, a string comes out; no model, no table, no array library."""

from .formats import average as average, count as count, fixed as fixed, number as number
from .html import render_html as render_html
from .labels import abbreviate as abbreviate
from .layout import visible_rows as visible_rows
from .report import (
    Block as Block,
    DegreesOfFreedom as DegreesOfFreedom,
    Group as Group,
    LRTest as LRTest,
    ModelTest as ModelTest,
    Report as Report,
    Row as Row,
)
from .small import (
    Column as Column,
    render_groups as render_groups,
    render_matrix as render_matrix,
    render_simple as render_simple,
    render_test as render_test,
)
from .text import render as render
