"""A worker answers as the same code does in this process, and survives what hostile code does to it.

Most of what hostile code does here the fence would refuse; these attacks skip the fence and run as plain Python in the
process where a method would run, because the jail must hold without it. One jail is shared, as each start takes
seconds.
"""

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from istar.errors import IstarError
from istar.flops.meter import Meter
from istar.methods.contract import Interpretation, MethodError
from istar.methods.fence import FenceError
from istar.methods.loading import load_method
from istar.methods.recorder import record, run_interpret
from istar.questions import Column, QuestionView, Run, SpanLogprob, Structure, nested_batches
from istar.sandbox.client import Worker, _Counter
from istar.sandbox.errors import SandboxError, WeightsChangedError
from istar.sandbox.jail.jail import Jail
from istar.sandbox.jail.limits import Limits
from istar.sandbox.jail.process import CLOCK_TICKS, STANDARD_ERROR_BYTES, WorkerProcess
from istar.sandbox.jail.tiers import PlainTier, working_bubblewrap
from istar.sandbox.standard import compute_standard_run
from istar.sandbox.wire.frames import Frame, FrameCaps
from istar.sandbox.wire.replies import ReplyError, raise_failure
from istar.sandbox.wire.requests import TargetSpec
from istar.sandbox.worker import load as load_from
from istar.seeds import Seed
from istar.targets.corpus import Corpus
from istar.targets.loading import load_target
from istar.targets.standard_runs import Replayed
from measured import PATIENCE, grown

jailed = pytest.mark.skipif(working_bubblewrap()[0] is None, reason="no jail can be had on this machine")
pytestmark = jailed

METHOD = '''
"""Reads the residual stream half way through a lens that it draws at random."""

import torch
from istar.methods import Interpretation


def interpret(target, corpus):
    """Average the stream over the corpus."""
    streams = [target.forward(torch.tensor([tokens]), upto=1).mean(dim=(0, 1)) for tokens in corpus.tokens[:2]]
    return Interpretation({"mean": torch.stack(streams).mean(0)}, {"texts": len(corpus.texts)})


def prepare(question, target, interpretation):
    """Draw noise, so that seeds matter."""
    return torch.randn(target.width)


def predict(question, runs, target, interpretation, prepared):
    """Read two channels."""
    streams = target.run(runs, upto=target.layers // 2)
    plain = target.read(runs, streams)
    moved = target.read(runs, streams, lambda stream: stream - interpretation.tensors["mean"] + 0.1 * prepared)
    return torch.stack([plain, moved], dim=1).float()
'''

TEMPLATE = '''
"""A method that goes wrong."""

import torch
from istar.methods import Interpretation


def interpret(target, corpus):
    """Learn nothing."""
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    """Go wrong."""
    {body}
'''

ATTACK_CAPS = FrameCaps(header_bytes=2**16, array_bytes=2**16, arrays=4)


class HostileJail(Jail):
    """A jail whose worker also runs any Python that it is sent, where it would run a method."""

    @staticmethod
    def program(control):
        return f"""
import numpy, os, signal, sys, threading, time, torch
from istar.sandbox import worker
from istar.sandbox.wire.frames import Frame, write_frame

def pipe():
    for descriptor in range(3, 1024):
        try:
            os.fstat(descriptor)
        except OSError:
            continue
        return descriptor

def attack(target, request):
    scope = dict(globals(), target=target, result={{}}, arrays={{}})
    exec(request.fields["code"], scope)
    return Frame("done", scope["result"], scope["arrays"])

worker.main({control}, dict(worker.HANDLERS, attack=attack))
"""

    def attack(self, code, seconds=PATIENCE, limits=None):
        answer = self.ask(
            lambda allowance: Frame("attack", {"code": code, "allowance": asdict(allowance)}),
            ATTACK_CAPS,
            seconds,
            "attack",
            limits,
        )
        if answer.frame.kind == "failed":
            raise_failure(answer.frame, "attack")
        return answer


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    torch.set_num_threads(1)
    tiny, folder = load_target("tiny-random"), tmp_path_factory.mktemp("target")
    tiny.module.save_pretrained(folder)
    tiny.tokenizer.save_pretrained(folder)
    return load_target(str(folder))


@pytest.fixture(scope="module")
def jail(target):
    with HostileJail(TargetSpec.of(target), limits=Limits(memory_bytes=2**32)) as shared:
        yield shared


@pytest.fixture(scope="module")
def view(target):
    generator = Seed.root(0).split("worker test").generator()
    runs = tuple(
        Run((target.bos, *generator.integers(2, 250, 10 + row % 3).tolist()), SpanLogprob(start=8)) for row in range(48)
    )
    arms, replicates = np.arange(48) % 8, np.arange(48) // 8
    columns = (Column("arm", "arm", tuple(arms.tolist())), Column("query", "nuisance", tuple(replicates.tolist())))
    return QuestionView(runs, Structure(columns))


@pytest.fixture(scope="module")
def batches(view):
    return nested_batches(view.structure, Seed.root(0))


@pytest.fixture(scope="module")
def corpus(target):
    texts = ("in the beginning", "and it was so")
    tokens = tuple((target.bos, *target.encode(text)) for text in texts)
    return Corpus(texts, tokens)


@pytest.fixture(scope="module")
def in_process(target, corpus, view, batches):
    method = load_method(METHOD)
    meter = Meter()
    interpretation = run_interpret(method, target, corpus, meter, seed=3)
    recording = record(method, view, "q" * 64, batches, target, interpretation, max_flops=10**12, seed=5)
    return interpretation, meter.snapshot(), recording


def assert_same_recording(one, other):
    assert len(one.batches) == len(other.batches)
    for ours, theirs in zip(one.batches, other.batches, strict=True):
        assert np.array_equal(ours.rows, theirs.rows)
        assert ours.channels.tobytes() == theirs.channels.tobytes()
        assert ours.flops == theirs.flops
    for name in ("method_hash", "question_hash", "target", "rulebook", "prepare_flops", "total_flops", "complete"):
        assert getattr(one, name) == getattr(other, name)
    assert dict(one.by_op) == dict(other.by_op)
    assert one.matmul_flops == other.matmul_flops
    assert dict(one.unknown) == dict(other.unknown)
    assert dict(one.by_region) == dict(other.by_region)


def record_method(jail, target, source, view, batches, limits=None, **options):
    worker = Worker(source, TargetSpec.of(target), limits=limits, jail=jail)
    return worker.record(view, "q" * 64, batches, Interpretation(), **options)


def test_a_worker_equals_the_same_code_in_this_process_bit_for_bit(jail, target, corpus, view, batches, in_process):
    interpretation, reading, recording = in_process
    worker = Worker(METHOD, TargetSpec.of(target), jail=jail)
    outcome = worker.interpret(corpus, seed=3)
    assert outcome.content == interpretation.to_bytes()
    assert outcome.interpretation.data == {"texts": 2}
    assert outcome.reading == reading
    assert outcome.bytes == len(outcome.content)
    found = worker.record(view, "q" * 64, batches, outcome.content, max_flops=10**12, seed=5)
    assert_same_recording(found, recording)
    assert found.tier == outcome.tier == "bubblewrap"
    again = worker.record(view, "q" * 64, batches, outcome.interpretation, max_flops=10**12, seed=6)
    assert again.batches[0].channels.tobytes() != found.batches[0].channels.tobytes()


class Shelf:
    """Has the standard runs of some batches, and notes what was taken."""

    def __init__(self, jail, view, batches, numbers):
        self.runs = {}
        for number in numbers:
            rows = batches[number]
            part = QuestionView(tuple(view.runs[row] for row in rows), view.structure.take(rows))
            self.runs[number] = compute_standard_run(jail, part, 2**26)
        self.taken, self.missed = [], []

    def take(self, batch, layer):
        if batch not in self.runs:
            self.missed.append(batch)
            return None
        self.taken.append((batch, layer))
        return Replayed(self.runs[batch].values[layer], self.runs[batch].bills[layer])


def test_streams_from_a_shelf_change_nothing_but_the_time(jail, target, view, batches, in_process):
    interpretation, _, recording = in_process
    shelf = Shelf(jail, view, batches, range(1, len(batches)))
    worker = Worker(METHOD, TargetSpec.of(target), jail=jail)
    found = worker.record(view, "q" * 64, batches, interpretation, max_flops=10**12, seed=5, shelf=shelf)
    assert_same_recording(found, recording)
    assert shelf.taken == [(number, target.layers // 2) for number in range(1, len(batches))]
    assert shelf.missed == [0]
    priced = sum(shelf.runs[number].bills[target.layers // 2].flops for number in range(1, len(batches)))
    assert 0 < priced < found.total_flops


@pytest.mark.parametrize("share", [0.1, 0.6])
def test_streams_beyond_the_budget_stay_on_the_shelf(jail, target, view, batches, in_process, share):
    interpretation, _, recording = in_process
    budget = int(share * recording.batches[0].flops)
    worker = Worker(METHOD, TargetSpec.of(target), jail=jail)
    shelf = Shelf(jail, view, batches, range(len(batches)))
    with_shelf, without = (
        worker.record(view, "q" * 64, batches, interpretation, max_flops=budget, seed=5, shelf=each)
        for each in (shelf, None)
    )
    assert_same_recording(with_shelf, without)
    assert not with_shelf.complete


class ForgingJail(HostileJail):
    """A jail whose worker takes streams and keeps quiet about what they cost."""

    @staticmethod
    def program(control):
        before, _, _ = HostileJail.program(control).partition("worker.main(")
        return (
            before
            + f"""
def forge(target, request):
    if not request.fields["replays"]:
        return worker.handle_record(target, request)
    parent = worker._PARENT.get()
    asked = worker.RecordRequest.of(request)
    parent.batches = (tuple(asked.question.runs[row] for row in asked.batches[0]),)
    values = parent.find(parent.batches[0], target.layers, 10**15).values
    cost = dict(by_op=dict(mm=1), matmul_flops=1)
    fields = dict(cost, rulebook="v2", flops=[1], batches=[cost], prepare_flops=0, total_flops=1, unknown={{}},
                  by_region=dict(predict=1))
    return Frame("recorded", fields, {{"channels.0": values[:1, :1].copy()}})

worker.main({control}, dict(worker.HANDLERS, record=forge))
"""
        )


def test_who_keeps_quiet_about_streams_it_was_handed_is_found_out(target, view, batches):
    with ForgingJail(TargetSpec.of(target), limits=Limits(memory_bytes=2**32)) as forging:
        shelf = Shelf(forging, view, batches, [0])
        with pytest.raises(ReplyError, match=r"counts 1 FLOPs, less than the \d+ of the streams handed over"):
            record_method(forging, target, METHOD, view, batches, shelf=shelf)
        assert shelf.taken == [(0, target.layers)]


@pytest.mark.parametrize("asked", ['{"batch": "0", "layer": 1, "left": 1}', '{"batch": 0, "layer": 1}', "{}"])
def test_a_malformed_wish_is_refused_and_the_jail_goes_on(jail, target, view, batches, asked):
    # it goes on writing, and ends when nobody listens any more
    code = (
        f"write_frame(pipe(), Frame('wanted', {asked}))\nwhile True:\n    os.write(pipe(), bytes(1)); time.sleep(0.01)"
    )
    process = jail._process
    counter = _Counter(Shelf(jail, view, batches, []))
    with pytest.raises(ReplyError, match="without saying which"):
        jail.ask(
            lambda allowance: Frame("attack", {"code": code, "allowance": asdict(allowance)}),
            ATTACK_CAPS,
            PATIENCE,
            "attack",
            feed=counter,
        )
    assert jail.attack("result['alive'] = 1").frame.fields == {"alive": 1}
    assert jail._process is process


def test_who_does_not_take_what_it_asked_for_is_killed_in_time(jail, target, view, batches):
    code = "write_frame(pipe(), Frame('wanted', {'batch': 0, 'layer': 0, 'left': 10**15})); signal.pause()"
    shelf = Shelf(jail, view, batches, [0])
    run = shelf.runs[0]
    shelf.runs[0] = replace(run, values=np.zeros((1, 2**20, 4), dtype=np.float32))  # more than a pipe holds
    process = jail._process
    with pytest.raises(MethodError, match="took longer than 3 seconds and was killed"):
        jail.ask(
            lambda allowance: Frame("attack", {"code": code, "allowance": asdict(allowance)}),
            ATTACK_CAPS,
            3.0,
            "attack",
            feed=_Counter(shelf),
        )
    assert not process.alive
    assert jail.attack("result['alive'] = 1").frame.fields == {"alive": 1}


def test_a_recording_ends_where_its_budget_or_rows_end(jail, target, view, batches):
    source = TEMPLATE.format(body="return target.read(runs, target.run(runs)).unsqueeze(-1).float()")
    whole = record_method(jail, target, source, view, batches)
    assert whole.complete
    budget = whole.batches[2].flops
    cut = record_method(jail, target, source, view, batches, max_flops=budget)
    assert [batch.flops for batch in cut.batches] == [batch.flops for batch in whole.batches[:4]]
    assert not cut.complete
    assert record_method(jail, target, source, view, batches, brute_flops=budget).batches[-1].flops == cut.total_flops
    half = record_method(jail, target, source, view, batches, max_rows_fraction=0.5)
    rows = np.cumsum([len(batch.rows) for batch in half.batches])
    assert rows[-1] >= 24
    assert (rows[:-1] < 24).all()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return torch.full((len(runs), 1), float('nan'))", "returned nan for run 0"),
        ("return torch.full((len(runs), 1), float('-inf'))", "returned -inf for run 0"),
        ("return torch.zeros(len(runs))", r"it must be \(runs, channels\)"),
        ("return torch.zeros(len(runs) + 1, 1)", "one row of channels a run"),
        ("return torch.zeros(len(runs), 1000)", "the limit is 64"),
        ("return 1.0", "returned a float"),
        ("return torch.zeros(3) + torch.zeros(4)", r"raised RuntimeError[^$]*line 15, in predict"),
        ("target.module.config.x = 1; return torch.zeros(len(runs), 1)", "fault|left the target changed"),
    ],
)
def test_what_a_method_does_wrong_is_said(jail, target, view, batches, body, message):
    with pytest.raises(MethodError, match=message):
        record_method(jail, target, TEMPLATE.format(body=body), view, batches)


def test_a_fault_is_found_before_anything_runs(target):
    class NoJail(Jail):
        def __init__(self):
            self.target = TargetSpec.of(target)

    with pytest.raises(FenceError, match="os"):
        Worker("import os\n" + METHOD, TargetSpec.of(target), jail=NoJail())


def test_prints_go_nowhere(jail):
    code = "print('IST1' * 100); sys.stdout.flush(); os.write(1, b'IST1' * 100); sys.stderr.write('E' * 10**6)"
    assert jail.attack(code + "; result['said'] = 'much'").frame.fields == {"said": "much"}
    assert len(jail._process.standard_error()) <= STANDARD_ERROR_BYTES


def test_nothing_passes_from_one_question_to_the_next(jail, target, corpus, view, batches, in_process):
    jail.attack(
        "for weight in target.module.parameters(): weight.data.zero_()\n"
        "torch.softmax = torch.log_softmax = None\n"
        "torch.set_default_dtype(torch.float64)\n"
        "import istar.flops.meter as meter; meter.Meter.flops = property(lambda self: 0)\n"
        "import atexit; atexit.register(lambda: os.write(pipe(), b'forged'))\n"
    )
    found = Worker(METHOD, TargetSpec.of(target), jail=jail).record(
        view, "q" * 64, batches, in_process[0], max_flops=10**12, seed=5
    )
    assert_same_recording(found, in_process[2])


def test_no_file_process_or_socket_can_be_made(jail):
    answer = jail.attack(
        "import socket, subprocess, ctypes\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "tries = {\n"
        "    'fork': os.fork,\n"
        "    'program': lambda: subprocess.run(['/usr/bin/true']),\n"
        "    'exec': lambda: os.execv('/usr/bin/true', ['true']),\n"
        "    'file': lambda: open(f'/tmp/{time.monotonic_ns()}', 'w'),\n"
        "    'folder': lambda: os.mkdir(f'/tmp/{time.monotonic_ns()}'),\n"
        "    'shared memory file': lambda: open(f'/dev/shm/{time.monotonic_ns()}', 'w'),\n"
        "    'socket': socket.socket,\n"
        "    'signal to the server': lambda: os.kill(1, 9),\n"
        "    'priority of the server': lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),\n"
        "    'limits of the server': lambda: __import__('resource').prlimit(1, 7, (5, 5)),\n"
        "    'memory of the server': lambda: open('/proc/1/mem', 'r+b'),\n"
        "}\n"
        "for name, action in tries.items():\n"
        "    try:\n"
        "        action(); result[name] = 'did'\n"
        "    except OSError as error:\n"
        "        result[name] = 'refused'\n"
        "result['shared memory'] = 'refused' if libc.shmget(0x1234, 4096, 0o1600) < 0 else 'did'\n"
    )
    assert set(answer.frame.fields.values()) == {"refused"}
    assert len(answer.frame.fields) == 12


def test_threads_work_under_the_filter(jail):
    answer = jail.attack(
        "a = torch.ones(300, 300, requires_grad=True)\n"
        "(a @ a).sum().backward()\n"
        "started = threading.Thread(target=lambda: result.update(thread=True)); started.start(); started.join()\n"
        "result.update(threads=torch.get_num_threads(), gradient=float(a.grad[0, 0]))\n",
        limits=Limits(threads=2),
    )
    assert answer.frame.fields == {"thread": True, "threads": 2, "gradient": 600.0}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("sys.exit(0)", "exited by itself with status 1.*SystemExit"),
        ("os._exit(0)", "exited by itself with status 0"),
        ("os.kill(os.getpid(), 9)", "PermissionError"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("signal.raise_signal(signal.SIGKILL)", "SIGKILL"),
        ("os.write(pipe(), b'IST1' + bytes(2)); os._exit(0)", "in the middle of a reply"),
        ("raise KeyboardInterrupt", "gave no answer"),
        ("raise ValueError('\\x1b[31mred\\x07')", "ValueError: \ufffd\\[31mred\ufffd"),
    ],
)
def test_a_request_that_ends_itself_is_reported(jail, code, message):
    with pytest.raises(MethodError, match=f"(?s){message}"):
        jail.attack(code)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("os.write(pipe(), b'nonsense' * 10)", "begins with"),
        ("write_frame(pipe(), Frame('done', {'score': 1}))", "more than one reply"),
        ("arrays['a'] = numpy.zeros(2**20)", "more than 65536 bytes"),
        ("result['text'] = 'x' * 2**17", "the cap is 65536"),
        ("os.write(pipe(), b'IST1' + (2**31).to_bytes(4, 'little'))", "the cap is 65536"),
        ("while True: os.write(pipe(), bytes(65536))", "begins with"),
    ],
)
def test_forged_and_oversized_replies_are_refused(jail, code, message):
    with pytest.raises(ReplyError, match=message):
        jail.attack(code)
    jail.wait_ready()


def test_a_memory_bomb_is_contained(jail):
    with pytest.raises(MethodError, match=r"alloc|memory|MemoryError"):
        jail.attack("hoard = [torch.ones(2**24) for _ in range(100)]", limits=Limits(memory_bytes=2**28))
    assert jail.attack("result['alive'] = True").frame.fields == {"alive": True}


def test_processor_time_is_read_from_the_system(jail):
    idle = jail.attack("pass")
    answer = jail.attack(
        "def burn():\n"
        "    end = time.thread_time() + 0.6\n"
        "    while time.thread_time() < end: pass\n"
        "other = threading.Thread(target=burn); other.start(); burn(); other.join()\n"
        "result['burnt'] = time.process_time()\n"
        "time.process_time = time.thread_time = lambda: 0.0\n"
    )
    burnt = answer.frame.fields["burnt"]
    assert burnt >= 1.2
    assert burnt - 2 / CLOCK_TICKS <= answer.cpu_seconds < 1.5 * burnt + 10 * idle.cpu_seconds


def test_work_beside_the_meter_shows_as_unexplained_seconds(jail, target, view, batches):
    honest = TEMPLATE.format(body="return torch.zeros(len(runs), 1)")
    idle = record_method(jail, target, honest, view, batches)
    assert any(len(batch) > 20 for batch in batches)

    def unexplained(units):
        hidden = TEMPLATE.format(
            body=f"total = 0\n    for number in range({10**6 * units} * (len(runs) > 20)):\n        total += number\n"
            "    return torch.zeros(len(runs), 1) + total % 2"
        )
        return record_method(jail, target, hidden, view, batches).unexplained_cpu_seconds

    enough = 10 * idle.cpu_seconds + 10 / CLOCK_TICKS
    assert grown(unexplained, enough)[1] >= enough


@pytest.mark.parametrize("counted", [True, False])
def test_what_a_method_waits_for_a_processor_is_not_held_against_it(jail, monkeypatch, counted):
    jail.wait_ready()
    (core, *_), mine = sorted(os.sched_getaffinity(0)), jail._process.first
    before = os.sched_getaffinity(mine)
    if not counted:
        monkeypatch.setattr(WorkerProcess, "queued_seconds", 0.0)
    busy = [sys.executable, "-c", "print(flush=True)\nwhile True: pass"]
    # in a session of its own, as the jail is: processors are shared out among sessions, whatever else they run
    with subprocess.Popen(busy, stdout=subprocess.PIPE, start_new_session=True) as other:
        try:
            other.stdout.readline()  # it is busy from here on, however long it took to begin
            for process in (mine, other.pid):
                os.sched_setaffinity(process, {core})
            code = "start = time.process_time()\nwhile time.process_time() - start < 2.0: pass\nresult['done'] = 1"
            if counted:
                assert jail.attack(code, seconds=3.0).frame.fields == {"done": 1}
            else:
                with pytest.raises(MethodError, match="took longer than 3 seconds and was killed; do less"):
                    jail.attack(code, seconds=3.0)
        finally:
            other.kill()
            with suppress(ProcessLookupError):
                os.sched_setaffinity(mine, before)
    jail.wait_ready()


def test_a_timeout_kills_and_the_next_request_finds_a_fresh_worker(jail, target, view, batches, in_process):
    endless = TEMPLATE.format(body="while True:\n        pass")
    limits = replace(jail.limits, record_seconds=1.0)
    process = jail._process
    with pytest.raises(MethodError, match="took longer than 1 seconds and was killed"):
        record_method(jail, target, endless, view, batches, limits=limits)
    assert not process.alive
    found = Worker(METHOD, TargetSpec.of(target), jail=jail).record(
        view, "q" * 64, batches, in_process[0], max_flops=10**12, seed=5
    )
    assert_same_recording(found, in_process[2])


def test_the_plain_tier_works_and_is_flagged(target, corpus, view, batches, in_process):
    with Worker(METHOD, TargetSpec.of(target), PlainTier()) as worker:
        outcome = worker.interpret(corpus, seed=3)
        found = worker.record(view, "q" * 64, batches, outcome.content, max_flops=10**12, seed=5)
    assert_same_recording(found, in_process[2])
    assert found.tier == outcome.tier == "plain"


class StillbornJail(Jail):
    @staticmethod
    def program(control):
        return (
            "from istar.sandbox.wire.frames import Frame, write_frame\n"
            f"write_frame({control}, Frame('failed', {{'text': 'TargetError: no such folder'}}))"
        )


def test_a_worker_that_cannot_start_says_why(target):
    with StillbornJail(TargetSpec.of(target)) as jail, pytest.raises(SandboxError, match="TargetError: no such folder"):
        jail.wait_ready()


def test_an_interrupt_ends_the_conversation(target, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    with StillbornJail(TargetSpec.of(target)) as jail:
        monkeypatch.setattr(jail, "wait_ready", jail.start)
        monkeypatch.setattr(jail, "_converse", interrupt)
        process = jail._process
        with pytest.raises(KeyboardInterrupt):
            jail.ask(lambda allowance: Frame("x"), ATTACK_CAPS, 1.0, "m")
        assert jail._process is None
        assert not process.alive


def test_a_worker_refuses_another_target_than_its_parents(target):
    wrong = replace(TargetSpec.of(target), id="0" * 64)
    with pytest.raises(IstarError, match=r"has id .* the parent's 0000000000000000"):
        load_from(wrong.frame(filtered=True))
    other = replace(TargetSpec.of(target), tokenizer="0" * 64)
    with pytest.raises(IstarError, match=r"the tokenizer of the worker's copy of .* is not the parent's"):
        load_from(other.frame(filtered=True))


def test_a_jail_is_for_one_target(jail, target):
    with pytest.raises(SandboxError, match="give one on the same target"):
        Worker(METHOD, TargetSpec("tiny-random"), jail=jail)


def test_files_that_change_meanwhile_void_the_answer(jail, target):
    (target.path / "config.json").touch()
    with pytest.raises(WeightsChangedError, match="changed while a worker used them"):
        jail.attack("pass")
