"""System-call filters, built by hand as BPF programs: nothing beyond the kernel is needed to load them.

Two filters stack up. `jail_filter` holds for all that runs in the jail: what no process in it ever needs, above all
the calls with which jails have been broken. `method_filter` comes on top before a method's code runs: no new process,
no other program, no file opened for writing and no name made in any file system, no socket, no shared memory, no hand
on another process. A method computes, and its numbers leave through a pipe that is already open.

Source: the kernel's documentation of seccomp filters (Documentation/userspace-api/seccomp_filter.rst) and
`linux/filter.h`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from istar.errors import IstarError
from istar.sandbox.jail.syscalls import Architecture, this_architecture

LOAD_WORD, EQUAL, ANY_BIT, AT_LEAST, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000
NUMBER_OFFSET, ARCHITECTURE_OFFSET, ARGUMENTS_OFFSET = 0, 4, 16

CLONE_THREAD = 0x00010000
CLONE_NAMESPACES = 0x02000000 | 0x00020000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000 | 0x04000000
WRITING = 0o1 | 0o2 | 0o100 | 0o1000 | 0o20000000
"""O_WRONLY, O_RDWR, O_CREAT, O_TRUNC and the bit that O_TMPFILE adds."""
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
SET_FILE_FLAGS = (0x40086602, 0x40046602, 0x401C5820)
"""The `ioctl`s that mark a file as immutable and the like: FS_IOC_SETFLAGS, its 32-bit form, FS_IOC_FSSETXATTR."""
FILE_LOCKS = (6, 7, 37, 38, 1024, 1026)
"""The `fcntl`s that others can notice: F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW, F_SETLEASE, F_NOTIFY."""
SET_PARENT_DEATH_SIGNAL = 1


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


JAIL_REFUSES = _names("""
    ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd
    mount umount2 pivot_root chroot fsopen fsconfig fsmount fspick open_tree move_mount mount_setattr
    unshare setns bpf userfaultfd perf_event_open keyctl add_key request_key
    io_uring_setup io_uring_enter io_uring_register kexec_load kexec_file_load init_module finit_module delete_module
    socket socketpair connect bind listen accept accept4
    open_by_handle_at name_to_handle_at fanotify_init lookup_dcookie quotactl quotactl_fd nfsservctl
    acct reboot swapon swapoff syslog sethostname setdomainname settimeofday clock_settime clock_adjtime adjtimex
    ioperm iopl modify_ldt uselib ustat sysfs vhangup personality move_pages migrate_pages memfd_secret
""")
METHOD_REFUSES = _names("""
    fork vfork execve execveat kill tkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open pidfd_send_signal
    creat mkdir mkdirat mknod mknodat link linkat symlink symlinkat rename renameat renameat2 unlink unlinkat rmdir
    truncate chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes utimensat futimesat
    setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat file_setattr
    memfd_create shmget shmat shmctl semget semctl semop semtimedop msgget msgctl msgsnd msgrcv mq_open
    flock inotify_init inotify_init1 setsid setpgid
    setpriority ioprio_set sched_setaffinity sched_setscheduler sched_setparam sched_setattr
""")


class SeccompError(IstarError):
    """The kernel would not load a filter."""


@dataclass(frozen=True)
class ArgumentRule:
    """Refuses a call depending on the low 32 bits of one of its arguments.

    Attributes:
        argument: its position, from 0.
        test: `equal` and `other` compare with `value`; `any_bit` asks whether a bit of `value` is set; `no_bit` whether
            none is.
        value: what is compared with.
    """

    argument: int
    test: str
    value: int


def _instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)


def build_filter(
    architecture: Architecture,
    refused: Mapping[str, int],
    conditional: Mapping[str, tuple[ArgumentRule, ...]],
) -> bytes:
    """Return a BPF program that refuses some system calls and allows the rest.

    A call made through another architecture's table (32-bit, x32) kills the process: the numbers mean other calls.

    Args:
        architecture: whose numbers to use.
        refused: the error number that each refused call fails with; calls this architecture lacks are left out.
        conditional: rules per call; a call fails with EPERM if any of its rules applies.
    """
    program = [
        _instruction(LOAD_WORD, ARCHITECTURE_OFFSET),
        _instruction(EQUAL, architecture.audit, 1, 0),
        _instruction(RETURN, KILL),
        _instruction(LOAD_WORD, NUMBER_OFFSET),
    ]
    if architecture.first_foreign is not None:
        program += [_instruction(AT_LEAST, architecture.first_foreign, 0, 1), _instruction(RETURN, KILL)]
    for name, error in refused.items():
        if name in architecture.numbers:
            program += [
                _instruction(EQUAL, architecture.numbers[name], 0, 1),
                _instruction(RETURN, REFUSE | error),
            ]
    for name, rules in conditional.items():
        if name not in architecture.numbers:
            continue
        body: list[bytes] = []
        for rule in rules:
            body.append(_instruction(LOAD_WORD, ARGUMENTS_OFFSET + 8 * rule.argument))
            jumps = (1, 0) if rule.test in ("no_bit", "other") else (0, 1)
            code = EQUAL if rule.test in ("equal", "other") else ANY_BIT
            body += [_instruction(code, rule.value, *jumps), _instruction(RETURN, REFUSE | errno.EPERM)]
        body.append(_instruction(RETURN, ALLOW))
        program += [_instruction(EQUAL, architecture.numbers[name], 0, len(body)), *body]
    program.append(_instruction(RETURN, ALLOW))
    return b"".join(program)


def jail_filter(architecture: Architecture | None = None) -> bytes:
    """Return the filter for all that runs in the jail, in the form that `bwrap --seccomp` reads.

    `clone3` passes its flags through memory, where a filter cannot look; it fails with ENOSYS, on which the C library
    falls back to `clone`.
    """
    return build_filter(
        architecture or this_architecture(),
        dict.fromkeys(JAIL_REFUSES, errno.EPERM) | {"clone3": errno.ENOSYS},
        {
            "clone": (ArgumentRule(0, "any_bit", CLONE_NAMESPACES),),
            "ioctl": (ArgumentRule(1, "equal", TIOCSTI), ArgumentRule(1, "equal", TIOCLINUX)),
        },
    )


def method_filter(architecture: Architecture | None = None, process: int | None = None) -> bytes:
    """Return the filter that comes on top before a method's code runs.

    Args:
        architecture: whose numbers to use; this machine's by default.
        process: the only process that signals may be sent to; this one by default.
    """
    return build_filter(
        architecture or this_architecture(),
        dict.fromkeys(METHOD_REFUSES, errno.EPERM) | {"openat2": errno.ENOSYS, "clone3": errno.ENOSYS},
        {
            "clone": (ArgumentRule(0, "no_bit", CLONE_THREAD),),
            "open": (ArgumentRule(1, "any_bit", WRITING),),
            "openat": (ArgumentRule(2, "any_bit", WRITING),),
            "prlimit64": (ArgumentRule(0, "any_bit", 0xFFFFFFFF),),  # of any process but the caller
            "tgkill": (ArgumentRule(0, "other", os.getpid() if process is None else process),),
            "prctl": (ArgumentRule(0, "equal", SET_PARENT_DEATH_SIGNAL),),
            "ioctl": tuple(ArgumentRule(1, "equal", request) for request in SET_FILE_FLAGS),
            "fcntl": tuple(ArgumentRule(1, "equal", command) for command in FILE_LOCKS),
        },
    )


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def install_filter(program: bytes) -> None:
    """Put all threads of this process under a filter, for good.

    Raises:
        SeccompError: the kernel refused.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(38, 1, 0, 0, 0) != 0:  # PR_SET_NO_NEW_PRIVS: without it only a privileged process may filter
        raise SeccompError(f"the kernel would not set no_new_privs: errno {ctypes.get_errno()}")
    structure = _Program(len(program) // 8, program)
    all_threads = 1  # SECCOMP_FILTER_FLAG_TSYNC
    failed = library.syscall(this_architecture().seccomp, 1, all_threads, ctypes.byref(structure))
    if failed != 0:
        raise SeccompError(
            f"the kernel would not load a system-call filter (result {failed}, errno {ctypes.get_errno()}); "
            "it needs CONFIG_SECCOMP_FILTER"
        )
