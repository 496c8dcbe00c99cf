"""Programs judged by the graph of their iteration, without the experiments that follow."""

import time

import pytest

from nndiag.program.execution.sandbox import sandbox
from nndiag.program.judging.judgement import judged
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import read_source


@pytest.fixture
def judge(tmp_path):
    """Judge a program's text."""

    def judgement(text):
        path = tmp_path / "program.py"
        path.write_text(text, encoding="utf-8")
        settings = CodeSettings(script=path.name, directory=tmp_path)
        deadline = time.perf_counter() + 60
        with sandbox(path):
            return judged(read_source(path), settings, deadline=deadline, tell=lambda _: None)

    return judgement
