"""System calls that a decoder has no use for, by number, of the architectures we know.

Numbers are Linux's: ``arch/x86/entry/syscalls/syscall_64.tbl`` and ``include/uapi/asm-generic/unistd.h``. A call not
listed stays possible, so every way to a file, a host, a program, another process or more rights must be here.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SystemCalls:
    """What a filter must know of one architecture."""

    audit_architecture: int
    """How the kernel names the architecture to a filter: ``AUDIT_ARCH_*``."""
    seccomp: int
    clone: int
    clone3: int
    refused: tuple[int, ...]


# Number on x86-64 and on aarch64, by name; None where the architecture never had the call.
# fmt: off
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "open": (2, None), "creat": (85, None), "openat": (257, 56), "openat2": (437, 437),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "socket": (41, 198), "connect": (42, 203),
    "accept": (43, 202), "bind": (49, 200), "listen": (50, 201), "socketpair": (53, 199), "accept4": (288, 242),
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281), "kill": (62, 129),
    "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "prlimit64": (302, 261),
    "setpriority": (141, 140), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122), "truncate": (76, 45), "ftruncate": (77, 46), "rename": (82, None),
    "mkdir": (83, None), "rmdir": (84, None), "link": (86, None), "unlink": (87, None), "symlink": (88, None),
    "chmod": (90, None), "fchmod": (91, 52), "chown": (92, None), "fchown": (93, 55), "lchown": (94, None),
    "mknod": (133, None), "mkdirat": (258, 34), "mknodat": (259, 33), "fchownat": (260, 54),
    "unlinkat": (263, 35), "renameat": (264, 38), "linkat": (265, 37), "symlinkat": (266, 36),
    "fchmodat": (268, 53), "renameat2": (316, 276), "fchmodat2": (452, 452), "getdents": (78, None),
    "getdents64": (217, 61), "readlink": (89, None), "readlinkat": (267, 78), "chroot": (161, 51),
    "chdir": (80, 49), "fchdir": (81, 50), "pivot_root": (155, 41), "mount": (165, 40), "umount2": (166, 39),
    "unshare": (272, 97), "setns": (308, 268), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219), "perf_event_open": (298, 241), "bpf": (321, 280), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "io_setup": (206, 0), "io_submit": (209, 2), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145),
    "setregid": (114, 143), "setresuid": (117, 147), "setresgid": (119, 149), "setrlimit": (160, 164),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semop": (65, 193),
    "semctl": (66, 191), "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187),
    "mq_open": (240, 180), "mq_unlink": (241, 181),
}
# fmt: on


def _refused(column: int) -> tuple[int, ...]:
    return tuple(number for numbers in _REFUSED.values() if (number := numbers[column]) is not None)


SYSTEM_CALLS = {
    ("Linux", "x86_64"): SystemCalls(0xC000003E, seccomp=317, clone=56, clone3=435, refused=_refused(0)),
    ("Linux", "aarch64"): SystemCalls(0xC00000B7, seccomp=277, clone=220, clone3=435, refused=_refused(1)),
}
"""By ``platform.system()`` and ``platform.machine()``."""
