"""The filters decide as meant: checked by an interpreter of BPF written here, and by the kernel."""

import errno
import os
import re
import struct
from pathlib import Path

import pytest

from istar.sandbox.jail import syscalls
from istar.sandbox.jail.seccomp import CLONE_THREAD, install_filter, jail_filter, method_filter
from istar.sandbox.jail.syscalls import ARCHITECTURES, UnknownArchitectureError, this_architecture

ALLOWED, KILLED = 0x7FFF0000, 0x80000000
REFUSED = 0x00050000 | errno.EPERM
PTHREAD_FLAGS = 0x3D0F00  # what glibc's pthread_create passes to clone
HEADERS = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}


def verdict(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """Run a BPF program on one system call, as the kernel would."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, architecture, 0, *padded)
    instructions = list(struct.iter_unpack("=HBBI", program))
    register, counter = 0, 0
    while True:
        code, if_true, if_false, operand = instructions[counter]
        counter += 1
        if code == 0x20:
            (register,) = struct.unpack_from("<I", data, operand)
        elif code == 0x06:
            return operand
        else:
            holds = {0x15: register == operand, 0x45: register & operand != 0, 0x35: register >= operand}[code]
            counter += if_true if holds else if_false


@pytest.fixture(params=sorted(ARCHITECTURES))
def architecture(request):
    return ARCHITECTURES[request.param]


def test_numbers_are_those_of_the_kernels_headers(architecture):
    header = Path(HEADERS[architecture.name])
    if not header.exists():
        pytest.skip("the kernel's headers are not installed")
    pairs = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)$", header.read_text(), re.MULTILINE)
    known = {name: int(number) for name, number in pairs}
    shared = known.keys() & architecture.numbers.keys()
    assert {name: architecture.numbers[name] for name in shared} == {name: known[name] for name in shared}
    assert known["seccomp"] == architecture.seccomp
    assert len(shared) > 70


@pytest.mark.parametrize("name", ["ptrace", "mount", "bpf", "unshare", "setns", "socket", "io_uring_setup", "keyctl"])
def test_the_jail_refuses_what_jails_are_broken_with(architecture, name):
    program = jail_filter(architecture)
    assert verdict(program, architecture.audit, architecture.numbers[name]) == REFUSED


def test_the_jail_allows_forks_and_threads_but_no_namespaces(architecture):
    program, clone = jail_filter(architecture), architecture.numbers["clone"]
    assert verdict(program, architecture.audit, clone, 17) == ALLOWED
    assert verdict(program, architecture.audit, clone, PTHREAD_FLAGS) == ALLOWED
    for bit in (0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert verdict(program, architecture.audit, clone, 17 | bit) == REFUSED
    assert verdict(program, architecture.audit, architecture.numbers["clone3"]) == 0x00050000 | errno.ENOSYS


def test_a_method_gets_threads_but_no_processes(architecture):
    program, clone = method_filter(architecture), architecture.numbers["clone"]
    assert PTHREAD_FLAGS & CLONE_THREAD
    assert verdict(program, architecture.audit, clone, PTHREAD_FLAGS) == ALLOWED
    assert verdict(program, architecture.audit, clone, 17) == REFUSED
    assert verdict(program, architecture.audit, architecture.numbers["execve"]) == REFUSED


@pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC, os.O_RDWR | os.O_TMPFILE])
def test_a_method_opens_files_for_reading_only(architecture, flags):
    program, openat = method_filter(architecture), architecture.numbers["openat"]
    assert verdict(program, architecture.audit, openat, 0, 0, os.O_RDONLY | os.O_CLOEXEC) == ALLOWED
    assert verdict(program, architecture.audit, openat, 0, 0, flags) == REFUSED


def test_a_method_may_read_its_limits_but_touch_no_other_process(architecture):
    program, prlimit = method_filter(architecture), architecture.numbers["prlimit64"]
    assert verdict(program, architecture.audit, prlimit, 0, 7, 0, 0x7FFF0000) == ALLOWED
    assert verdict(program, architecture.audit, prlimit, 1, 7, 0x7FFF0000, 0) == REFUSED


def test_arguments_are_judged_by_the_bits_the_kernel_reads(architecture):
    program, ioctl = jail_filter(architecture), architecture.numbers["ioctl"]
    assert verdict(program, architecture.audit, ioctl, 0, 0x5412) == REFUSED
    assert verdict(program, architecture.audit, ioctl, 0, 0x5412 | 1 << 32) == REFUSED
    assert verdict(program, architecture.audit, ioctl, 0, 0x5413) == ALLOWED


def test_everyday_calls_pass(architecture):
    everyday = range(0, 15) if architecture.name == "x86_64" else (56, 57, 62, 63, 64, 214, 222)
    for program in (jail_filter(architecture), method_filter(architecture)):
        for number in everyday:
            assert verdict(program, architecture.audit, number) == ALLOWED


def test_calls_of_another_architecture_kill(architecture):
    other = next(each for each in ARCHITECTURES.values() if each is not architecture)
    assert verdict(jail_filter(architecture), other.audit, 0) == KILLED
    if architecture.first_foreign is not None:
        assert verdict(jail_filter(architecture), architecture.audit, architecture.first_foreign | 57) == KILLED


def test_an_unknown_processor_is_named(monkeypatch):
    monkeypatch.setattr(syscalls.platform, "machine", lambda: "pdp11")
    with pytest.raises(UnknownArchitectureError, match="not 'pdp11'"):
        this_architecture()


def test_the_kernel_enforces_a_method_filter(tmp_path):
    (tmp_path / "there").write_text("text")
    child = os.fork()
    if child == 0:
        try:
            install_filter(method_filter())
            assert (tmp_path / "there").read_text() == "text"
            attempts = (
                os.fork,
                lambda: (tmp_path / "new").write_text("x"),
                (tmp_path / "new").mkdir,
                (tmp_path / "there").unlink,
                lambda: os.execv("/bin/true", ["true"]),
                lambda: os.kill(os.getppid(), 0),
            )
            refused = 0
            for attempt in attempts:
                try:
                    attempt()
                except PermissionError:
                    refused += 1
            os._exit(refused)
        finally:
            os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 6
