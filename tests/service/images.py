"""Follows a Dockerfile without Docker: every instruction on a root of its own, laid over that of this machine.

The machine stands in for the base image (its Python is put where that image has it), so what is found out is
whether the steps work, what gets into the image, and whether it runs as its user with nothing but that; not
whether the base image lacks a library that this machine has. Needs root, mount and network namespaces, overlayfs.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

_INSIDE_BUILD = ("http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_BASE_PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Instruction:
    word: str
    said: str


@dataclass
class Stage:
    """An image on its way: what was laid over the machine's root, and what is said about running it."""

    folder: Path
    name: str
    env: dict[str, str] = field(default_factory=lambda: {"PATH": _BASE_PATH})
    user: str = "0:0"
    workdir: str = "/"
    said: dict[str, str] = field(default_factory=dict)

    @property
    def over(self) -> Path:
        return self.folder / "over"

    def command(
        self, argv: list[str], *, env: dict[str, str] | None = None, network: bool = False
    ) -> list[str]:
        """What runs ``argv`` in it, as its user, where it may write and with no network unless told."""
        work, merged = self.folder / "work", self.folder / "merged"
        script = (
            'mount -t overlay over -o lowerdir=/,upperdir="$1",workdir="$2" "$3"'
            ' && mount -t proc proc "$3/proc" && mount --rbind /dev "$3/dev"'
            " && { ip link set lo up || true; }"
            ' && cd "$3" && root="$3" user="$4" folder="$5" && shift 5'
            ' && exec chroot --userspec="$user" "$root" /usr/bin/env -i -C "$folder" "$@"'
        )
        spaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", *([] if network else ["--net"])]
        given = [f"{name}={value}" for name, value in {**self.env, **(env or {})}.items()]
        places = [str(self.over), str(work), str(merged), self.user, self.workdir]
        return [*spaces, "sh", "-c", script, "sh", *places, *given, *argv]


def read(dockerfile: Path) -> list[Instruction]:
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [Instruction(*line.split(maxsplit=1)) for line in lines if line.strip()]


def context(root: Path, into: Path) -> None:
    """Copy what ``.dockerignore`` lets into the build, of what the repository holds."""
    rules = [line.strip() for line in (root / ".dockerignore").read_text().splitlines() if line.strip()]
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (root / name).is_file() and not _ignored(name, rules):
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, into / name)


def _ignored(name: str, rules: list[str]) -> bool:
    parts = name.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    ignored = False
    for rule in rules:
        pattern = rule.removeprefix("!").removeprefix("**/")
        deep = "**/" in rule
        if any(fnmatch(each.rpartition("/")[2] if deep else each, pattern) for each in above):
            ignored = not rule.startswith("!")
    return ignored


def build(dockerfile: Path, folder: Path) -> Stage:
    """Follow all instructions; the last stage is the image."""
    files = folder / "context"
    files.mkdir()
    context(dockerfile.parent, files)
    stages: list[Stage] = []
    for step in read(dockerfile):
        if step.word == "FROM":
            name = step.said.partition(" AS ")[2] or str(len(stages))
            stages.append(_begin(folder / name, name))
        else:
            _follow(step, stages, files)
    return stages[-1]


def _begin(folder: Path, name: str) -> Stage:
    for each in ("over", "work", "merged"):
        (folder / each).mkdir(parents=True)
    stage = Stage(folder, name)
    python = stage.over / "usr/local"
    python.mkdir(parents=True)
    os.setxattr(python, "trusted.overlay.opaque", b"y")  # nothing of the machine's own shows through
    left = shutil.ignore_patterns("test", "site-packages", "__pycache__")
    shutil.copytree(sys.base_prefix, python, symlinks=True, dirs_exist_ok=True, ignore=left)
    bare = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    (python / bare).mkdir()
    shutil.copytree(Path(sys.base_prefix) / bare / "pip", python / bare / "pip")
    if not (python / "bin/python").exists():
        (python / "bin/python").symlink_to("python3")
    subprocess.run(stage.command(["ldconfig"]), check=True)  # as its own image does, for libpython
    return stage


def _follow(step: Instruction, stages: list[Stage], files: Path) -> None:
    stage = stages[-1]
    if step.word == "RUN":
        building = {name: value for name, value in os.environ.items() if name.lower() in _INSIDE_BUILD}
        building |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        command = stage.command(["/bin/sh", "-c", step.said], env={"HOME": "/root", **building}, network=True)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"RUN {step.said}\n{done.stdout}{done.stderr}")
    elif step.word == "COPY":
        _copy(step.said.split(), stages, files)
    elif step.word == "ENV":
        for name, value in re.findall(r"(\w+)=(\S+)", step.said):
            stage.env[name] = re.sub(r"\$(\w+)", lambda of: stage.env.get(of[1], ""), value)
    elif step.word == "WORKDIR":
        stage.workdir = step.said
        (stage.over / step.said.lstrip("/")).mkdir(parents=True, exist_ok=True)
    elif step.word == "USER":
        stage.user = step.said
    else:
        stage.said[step.word] = step.said


def _copy(words: list[str], stages: list[Stage], files: Path) -> None:
    stage = stages[-1]
    source = files
    if words[0].startswith("--from="):
        named = words.pop(0).removeprefix("--from=")
        source = next(each.over for each in stages if each.name == named)
    *names, target = words
    place = stage.over / os.path.normpath(Path(stage.workdir) / target).lstrip("/")
    for name in names:
        come = source / name.lstrip("/")
        if come.is_dir():
            shutil.copytree(come, place, symlinks=True, dirs_exist_ok=True)
        else:
            into = place / come.name if target.endswith("/") or len(names) > 1 else place
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(come, into)


def as_list(said: str) -> list[str]:
    """The exec form of a command."""
    return [str(each) for each in json.loads(said)]
