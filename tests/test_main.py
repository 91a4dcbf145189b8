"""`python -m reelgrad` shows every number beside the documented one, and its exit status says whether all agree."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

import reelgrad as rg
from reelgrad import __main__ as program
from reelgrad.demo import moons, worked, xor
from reelgrad.demo.documented import Example, Outcome, Row, agrees
from reelgrad.demo.progress import Progress


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "reelgrad", *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def test_the_whole_run_agrees_with_all_documented_numbers():
    finished = run()
    assert finished.returncode == 0, finished.stdout
    assert "All 101 compared numbers agree." in finished.stdout
    assert "10,000 epochs in " in finished.stdout
    assert "100 steps in " in finished.stdout
    assert finished.stdout.count("By rg.fit in ") == 2
    assert finished.stderr == ""  # a bar is for terminals
    assert max(map(len, finished.stdout.splitlines())) < 80


def test_a_quick_run_is_shorter_and_says_what_it_did_not_compare():
    finished = run("--quick")
    assert finished.returncode == 0, finished.stdout
    assert "1,000 epochs in " in finished.stdout
    assert "20 steps in " in finished.stdout
    assert finished.stdout.count("(short run)") == 4


def test_version():
    assert run("--version").stdout == f"reelgrad {rg.__version__}\n"


def test_a_number_that_disagrees_is_named_and_makes_the_exit_status_1(monkeypatch, capsys):
    wrong = Example("Wrong", [], lambda: Outcome([Row("right", "1.5", [1.52]), Row("dL/dw", "0.25 0.5", [0.25, 0.6])]))
    monkeypatch.setattr(program, "_examples", lambda quick: [wrong])
    assert program.main([]) == 1
    shown = capsys.readouterr().out
    assert "dL/dw  0.25 0.5    0.2500 0.600  NO" in shown
    assert "1: dL/dw is 0.25, 0.6, but documented as 0.25 0.5" in shown
    assert "agree." not in shown


def test_ctrl_c_ends_with_status_130(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "_examples", lambda quick: [Example("Long", [], interrupted)])
    assert program.main([]) == 130
    assert capsys.readouterr().err == "\ninterrupted\n"


def test_the_slip_is_shown_and_not_counted_as_agreement():
    with rg.Tape():
        rows = {row.quantity: row for row in worked.two_sigmoid_layers().rows}
    assert rows["dL/dw1, printed"].verdict == "the slip"
    assert not agrees(rows["dL/dw1, printed"].printed.split()[0], rows["dL/dw1, printed"].values[0])
    assert rows["with the slip"].agrees


@pytest.mark.parametrize(
    ("printed", "value", "tolerance", "expected"),
    [
        ("0.16", 0.1649, None, True),
        ("0.16", 0.1651, None, False),
        ("0.1600", 0.16004, None, True),
        ("0.1600", 0.16006, None, False),
        ("-0.5", 0.5, None, False),
        ("6.4e-05", 6.44e-05, None, True),
        ("6.4001e-05", 6.4e-05, None, False),
        ("0.19372780950013005", 0.19372780950013005, None, True),
        ("0.19372780950013005", 0.19372780950013005 + 4 * 2.0**-55, None, True),
        ("0.19372780950013005", 0.19372782111167908, None, False),
        ("0.25", 0.25000001, 1e-8, True),
        ("0.25", 0.25000002, 1e-8, False),
        ("0.25", float("nan"), None, False),
        ("0.25", float("inf"), 1.0, False),
    ],
)
def test_a_printed_number_stands_for_those_that_round_to_it(printed, value, tolerance, expected):
    assert agrees(printed, value, tolerance) is expected


def test_a_terminal_sees_a_progress_bar_with_the_loss(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with Progress(200, "Training", "step") as bar:
        for step in range(1, 201):
            bar.step(step, 1.0 / step)
    assert "Training: 100%" in terminal.getvalue()
    assert "200/200" in terminal.getvalue()
    assert "loss=0.005000" in terminal.getvalue()


def test_trainings_leave_no_trace_on_the_tape_of_the_caller(capsys):
    before = len(rg.current_tape())
    program._run(1, xor.example(10))
    program._run(2, moons.example(1))
    assert len(rg.current_tape()) == before
    assert "1. XOR with one sigmoid neuron, 10 epochs" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_told_without_a_traceback(monkeypatch, capsys):
    def missing():
        raise rg.HeadersNotFoundError("no CMake package in nowhere")

    monkeypatch.setattr(rg, "get_cmake_dir", missing)
    assert program.main(["--cmakedir"]) == 1
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "python -m reelgrad: no CMake package in nowhere\n")
