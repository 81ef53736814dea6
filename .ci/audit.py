"""Asks OSV (osv.dev) whether anything in requirements.lock is known to be vulnerable.

    python .ci/audit.py [LOCK_FILE]

Exit code 0: nothing is, or the service cannot be reached, which is said in one loud line; 1: something is; 2: the audit
itself does not work. PIP_AUDIT_OSV_URL names another service that speaks the same.
"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

OSV_URL = "https://api.osv.dev/v1/query"
_PROBE = {"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "26.0"}
_PATIENCE_SECONDS = 15


def verdict(report: dict[str, list[dict[str, object]]]) -> tuple[int, list[str]]:
    """Exit code and lines for people, of a report of pip-audit."""
    dependencies = report["dependencies"]
    lines = [
        f"VULNERABLE: {each['name']} {each['version']}: {found['id']}"
        + (f", mended in {', '.join(found['fix_versions'])}" if found.get("fix_versions") else "")
        for each in dependencies
        for found in each.get("vulns", ())
    ]
    broken = len(lines)
    skipped = [str(each["name"]) for each in dependencies if "skip_reason" in each]
    if skipped:
        lines.append(f"NOT AUDITED: {len(skipped)} packages the service does not know: {', '.join(skipped)}")
    lines.append(f"audited {len(dependencies) - len(skipped)} packages: {broken} known vulnerabilities")
    return int(broken > 0), lines


def unreachable(url: str) -> str | None:
    """Why the service cannot be asked; None if it can."""
    request = urllib.request.Request(url, json.dumps(_PROBE).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS) as answer:
            json.load(answer)
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", None) or error) or type(error).__name__
    return None


def main(lock: Path, url: str) -> int:
    """Audit one lock file; see the module."""
    if (reason := unreachable(url)) is not None:
        sys.stderr.write(
            f"NOT AUDITED: {url} cannot be reached ({reason}); nothing is known of {lock.name}\n"
        )
        return 0
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--requirement",
        str(lock),
        "--disable-pip",
        "--require-hashes",
    ]
    command += [
        "--vulnerability-service",
        "osv",
        "--osv-url",
        url,
        "--format",
        "json",
        "--progress-spinner",
        "off",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        code, lines = verdict(json.loads(done.stdout))
    except (ValueError, KeyError):
        if (reason := unreachable(url)) is not None:
            sys.stderr.write(f"NOT AUDITED: {url} broke off ({reason}); nothing is known of {lock.name}\n")
            return 0
        last = (done.stderr.strip().splitlines() or ["no report and no error"])[-1]
        sys.stderr.write(f"the audit of {lock} does not work: {last}\n")
        return 2
    sys.stderr.writelines(f"{line}\n" for line in lines)
    return code


if __name__ == "__main__":
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "requirements.lock"
    sys.exit(main(given, os.environ.get("PIP_AUDIT_OSV_URL", OSV_URL)))
