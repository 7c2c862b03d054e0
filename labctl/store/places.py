"""On which kind of disk a folder lies, and where a journal goes when that is not a local one."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from labctl.store import state

# file systems on which SQLite's write-ahead log does not work, because readers share memory with the writer
NETWORK = {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afs", "9p", "ncpfs", "webdav", "afpfs", "ceph", "glusterfs",
           "lustre", "beegfs", "gpfs", "davfs", "fuse.sshfs", "fuse.davfs2", "fuse.rclone", "fuse.glusterfs", "fuse.s3fs"}
MOUNTS = Path("/proc/self/mounts")
DRIVE_REMOTE = 4                        # GetDriveTypeW


def network_share(path: Path) -> str:
    """Name the kind of network share on which a path lies ("nfs4", "cifs" ...); empty for a local disk.

    The folder need not exist yet. Where the system does not tell, the disk counts as local.
    """
    place = _existing(Path(path)).resolve()
    kind = _windows(place) if sys.platform == "win32" else _mounted(place, _mounts())
    return kind if kind in NETWORK else ""


def spill_place(journal: Path) -> Path:
    """Give the place in the state folder where a journal goes on when its own folder has vanished; never one in use."""
    folder = state.folder() / "journals"
    mark = hashlib.sha256(str(Path(journal).absolute()).encode()).hexdigest()[:8]
    names = (f"{journal.stem}_{mark}{again}{journal.suffix}" for again in ("", *(f"_{i}" for i in range(2, 1000))))
    return next(folder / name for name in names if not (folder / name).exists())


def _existing(path: Path) -> Path:
    path = path.absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _windows(place: Path) -> str:
    import ctypes

    if str(place).startswith("\\\\"):
        return "smb"
    kernel = ctypes.windll.kernel32         # type: ignore[attr-defined]
    return "smb" if kernel.GetDriveTypeW(place.anchor) == DRIVE_REMOTE else ""


def _mounts() -> list[tuple[str, str]]:
    """Give (mount point, file system) of everything mounted: proc(5) on Linux, `mount` on macOS; empty elsewhere."""
    if MOUNTS.exists():
        rows = [line.split() for line in MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()]
        return [(row[1].encode().decode("unicode_escape"), row[2]) for row in rows if len(row) > 2]
    if sys.platform != "darwin":
        return []
    told = subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=5, check=False).stdout
    parts = [line.partition(" on ")[2].rpartition(" (") for line in told.splitlines()]
    return [(where, options.split(",")[0].strip(")")) for where, _, options in parts]


def _mounted(place: Path, mounts: list[tuple[str, str]]) -> str:
    """Give the file system of the deepest mount point above a path; of two at one point, the later covers the earlier."""
    above = [(len(where), number, kind) for number, (where, kind) in enumerate(mounts) if place.is_relative_to(where)]
    return max(above)[2] if above else ""
