"""The only reader of user tables: `read` turns a `Spec` and a table into a `Design` and its `Encoding`,
`read_batches` does so where the table does not fit in memory."""

from .batch_columns import Moments as Moments
from .batch_columns import Standard as Standard
from .batches import CodedBatch as CodedBatch
from .batches import Streamed as Streamed
from .batches import read_batches as read_batches
from .effects import NewEffects as NewEffects
from .encoding import Encoding as Encoding
from .encoding import NewDesign as NewDesign
from .parquet import Parquet as Parquet
from .reading import read as read
