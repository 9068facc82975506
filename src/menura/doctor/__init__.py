"""What this machine, this installation and a run are like, and whether they work: for a bug report, without secrets."""

from menura.doctor.examination import Examination, examine
from menura.doctor.text import as_markdown

__all__ = ["Examination", "as_markdown", "examine"]
