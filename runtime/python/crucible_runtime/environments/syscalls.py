"""The system calls that a program in the sandbox may make, as a filter of the kernel (seccomp, a BPF program).

The list is what CPython and its standard library need to compute, to use files and threads: whatever is not on it is
refused with EPERM, so that what a later kernel adds is refused too. No library builds the filter: the one there is
(libseccomp) is not in every system that has bubblewrap, and this one is short.
"""

from __future__ import annotations

import base64
import errno
import os
import struct
import sys
from collections.abc import Iterator, Mapping
from functools import cache

SELF = 0x53454C46
"""Stands in the filter for the number of the process itself, which puts it in: it may signal nothing else."""

MACHINES: Mapping[str, tuple[int, int]] = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""The number of the architecture and the column of ALLOWED, by the name of the machine."""

_NONE = -1
# fmt: off
ALLOWED: Mapping[str, tuple[int, int]] = {
    # files
    "read": (0, 63), "write": (1, 64), "open": (2, _NONE), "close": (3, 57), "stat": (4, _NONE), "fstat": (5, 80),
    "lstat": (6, _NONE), "lseek": (8, 62), "pread64": (17, 67), "pwrite64": (18, 68), "readv": (19, 65),
    "writev": (20, 66), "preadv": (295, 69), "pwritev": (296, 70), "access": (21, _NONE), "pipe": (22, _NONE),
    "dup": (32, 23), "dup2": (33, _NONE), "dup3": (292, 24), "sendfile": (40, 71), "flock": (73, 32),
    "fsync": (74, 82), "fdatasync": (75, 83), "truncate": (76, 45), "ftruncate": (77, 46), "fallocate": (285, 47),
    "getdents": (78, _NONE), "getdents64": (217, 61), "getcwd": (79, 17), "chdir": (80, 49), "fchdir": (81, 50),
    "rename": (82, _NONE), "mkdir": (83, _NONE), "rmdir": (84, _NONE), "creat": (85, _NONE), "link": (86, _NONE),
    "unlink": (87, _NONE), "symlink": (88, _NONE), "readlink": (89, _NONE), "chmod": (90, _NONE), "fchmod": (91, 52),
    "umask": (95, 166), "utime": (132, _NONE), "utimensat": (280, 88), "statfs": (137, 43), "fstatfs": (138, 44),
    "statx": (332, 291), "openat": (257, 56), "mkdirat": (258, 34), "newfstatat": (262, 79), "unlinkat": (263, 35),
    "renameat": (264, 38), "renameat2": (316, 276), "linkat": (265, 37), "symlinkat": (266, 36),
    "readlinkat": (267, 78), "fchmodat": (268, 53), "fchmodat2": (452, 452), "faccessat": (269, 48),
    "faccessat2": (439, 439), "pipe2": (293, 59), "close_range": (436, 436), "fadvise64": (221, 223),
    "copy_file_range": (326, 285), "getxattr": (191, 8), "lgetxattr": (192, 9), "fgetxattr": (193, 10),
    "listxattr": (194, 11), "llistxattr": (195, 12), "flistxattr": (196, 13),
    # waiting
    "poll": (7, _NONE), "ppoll": (271, 73), "select": (23, _NONE), "pselect6": (270, 72), "epoll_create": (213, _NONE),
    "epoll_create1": (291, 20), "epoll_ctl": (233, 21), "epoll_wait": (232, _NONE), "epoll_pwait": (281, 22),
    "eventfd2": (290, 19), "pause": (34, _NONE), "nanosleep": (35, 101), "clock_nanosleep": (230, 115),
    "restart_syscall": (219, 128), "wait4": (61, 260), "waitid": (247, 95),
    # memory and threads
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214), "mremap": (25, 216),
    "msync": (26, 227), "madvise": (28, 233), "futex": (202, 98), "set_tid_address": (218, 96),
    "set_robust_list": (273, 99), "rseq": (334, 293), "membarrier": (324, 283), "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123), "getcpu": (309, 168), "exit": (60, 93), "exit_group": (231, 94),
    # signals to itself, time, and what it is
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133), "sigaltstack": (131, 132), "getitimer": (36, 102),
    "setitimer": (38, 103), "alarm": (37, _NONE), "gettimeofday": (96, 169), "time": (201, _NONE),
    "times": (100, 153), "clock_gettime": (228, 113), "clock_getres": (229, 114), "getpid": (39, 172),
    "gettid": (186, 178), "getppid": (110, 173), "getpgrp": (111, _NONE), "getpgid": (121, 155), "getsid": (124, 156),
    "getuid": (102, 174), "getgid": (104, 176), "geteuid": (107, 175), "getegid": (108, 177), "getgroups": (115, 158),
    "uname": (63, 160), "sysinfo": (99, 179), "getrusage": (98, 165), "getrlimit": (97, 163), "setrlimit": (160, 164),
    "getrandom": (318, 278),
    # sockets, behind which there is no network
    "connect": (42, 203), "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206), "recvfrom": (45, 207),
    "sendmsg": (46, 211), "recvmsg": (47, 212), "sendmmsg": (307, 269), "shutdown": (48, 210), "bind": (49, 200),
    "listen": (50, 201), "getsockname": (51, 204), "getpeername": (52, 205), "setsockopt": (54, 208),
    "getsockopt": (55, 209),
}
"""The calls that are allowed whatever their arguments are, with their numbers on x86_64 and aarch64."""

CHECKED: Mapping[str, tuple[tuple[int, int], int, tuple[int, ...], int]] = {
    # name: numbers, which argument, what it may be, what any other is refused with
    "socket": ((41, 198), 0, (1, 2, 10), errno.EAFNOSUPPORT),  # AF_UNIX, AF_INET, AF_INET6
    "socketpair": ((53, 199), 0, (1,), errno.EAFNOSUPPORT),
    "kill": ((62, 129), 0, (SELF,), errno.EPERM),
    "tgkill": ((234, 131), 0, (SELF,), errno.EPERM),
    "prlimit64": ((302, 261), 0, (0, SELF), errno.EPERM),
    "prctl": ((157, 167), 0, (15, 16), errno.EPERM),  # the name of a thread
    # whether it is a terminal, its size, what can be read, blocking or not, closed on exec or not
    "ioctl": ((16, 29), 1, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451), errno.EPERM),
    # descriptors, flags and locks; nothing that sends signals
    "fcntl": ((72, 25), 1, (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032), errno.EPERM),
}
"""The calls that are allowed with some values of one argument."""
# fmt: on

_CLONE: Mapping[str, int] = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435
_THREAD = 0x00010000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
Instruction = tuple[int, int, int, int]


@cache
def filtered() -> str:
    """The filter in base64; empty for a machine whose calls are not known."""
    machine = os.uname().machine
    if sys.platform != "linux" or machine not in MACHINES:
        return ""
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in _instructions(machine))
    return base64.b64encode(code).decode("ascii")


def _instructions(machine: str) -> Iterator[Instruction]:
    """Code, jumps where it holds and where not, value; the number of a call is at 0, its arguments from 16 on."""
    architecture, column = MACHINES[machine]
    yield from ((_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture), (_ANSWER, 0, 0, _KILL), (_LOAD, 0, 0, 0))
    # the calls of 32 bits on x86_64
    yield from ((_AT_LEAST, 0, 1, 0x40000000), (_ANSWER, 0, 0, _KILL))
    # The arguments of clone3 cannot be looked at: a C library that hears that it does not exist calls clone.
    yield from ((_EQUAL, 0, 1, _CLONE3), (_ANSWER, 0, 0, _ERROR | errno.ENOSYS))
    for numbers in ALLOWED.values():
        if numbers[column] != _NONE:
            yield from ((_EQUAL, 0, 1, numbers[column]), (_ANSWER, 0, 0, _ALLOW))
    for numbers, argument, values, refusal in CHECKED.values():
        yield from ((_EQUAL, 0, 2 + 2 * len(values), numbers[column]), (_LOAD, 0, 0, 16 + 8 * argument))
        for value in values:
            yield from ((_EQUAL, 0, 1, value), (_ANSWER, 0, 0, _ALLOW))
        yield (_ANSWER, 0, 0, _ERROR | refusal)
    # a thread, and no process
    yield from ((_EQUAL, 0, 3, _CLONE[machine]), (_LOAD, 0, 0, 16), (_ANY_BIT, 0, 1, _THREAD), (_ANSWER, 0, 0, _ALLOW))
    yield (_ANSWER, 0, 0, _ERROR | errno.EPERM)
