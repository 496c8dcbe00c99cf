"""THE WORDS: what is told about a run, as rich renderables or as text; nothing here prints.

May import `diagnosis` and what lies below it. Functions take results (`Diagnosis`, `Trace`) and
return something to print; they judge nothing.

To add a format: a file with one function of a diagnosis and its trace.
"""
