"""Results as text and HTML: a description goes in, a string comes out; no model, no table, no array library."""

from .formats import average as average
from .formats import count as count
from .formats import fixed as fixed
from .formats import number as number
from .html import render_html as render_html
from .labels import abbreviate as abbreviate
from .layout import visible_rows as visible_rows
from .report import (
    Block as Block,
)
from .report import (
    DegreesOfFreedom as DegreesOfFreedom,
)
from .report import (
    Group as Group,
)
from .report import (
    LRTest as LRTest,
)
from .report import (
    ModelTest as ModelTest,
)
from .report import (
    Report as Report,
)
from .report import (
    Row as Row,
)
from .small import (
    Column as Column,
)
from .small import (
    render_groups as render_groups,
)
from .small import (
    render_matrix as render_matrix,
)
from .small import (
    render_simple as render_simple,
)
from .small import (
    render_test as render_test,
)
from .text import render as render
